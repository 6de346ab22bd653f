"""``newsletter completion``: what a shell needs to complete commands and options."""

import click


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the lines that let SHELL complete commands and options.

    \b
    Example:
      newsletter completion bash > ~/.local/share/bash-completion/completions/newsletter
      newsletter completion zsh > ~/.zfunc/_newsletter
      newsletter completion fish > ~/.config/fish/completions/newsletter.fish
    """
    from click.shell_completion import get_completion_class

    program = get_completion_class(shell)
    assert program is not None
    click.echo(program(click.get_current_context().find_root().command, {}, "newsletter", VARIABLE).source())


VARIABLE = "_NEWSLETTER_COMPLETE"
"""Where click looks for a shell's question; it has no prefix of a setting."""
