"""The editors' room: who may enter, and how they sign in."""
