"""What every table is built of: the base class, column types, and helpers for keys and checks."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC, on databases with and without time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant(),
        str: Text(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
        list[int]: JSON(),
        bytes: LargeBinary(),
    }


def new_id() -> Mapped[int]:
    return mapped_column(Id, primary_key=True)


def ref(target: str, *, null: bool = False, on_delete: str | None = None, index: bool = True) -> Mapped[Any]:
    return mapped_column(Id, ForeignKey(target, ondelete=on_delete), nullable=null, index=index)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows. Its condition stands here for who reads it, and is held to what the migrations made by a
    test: said in PostgreSQL's name it would load that dialect into every process, for 20 ms."""
    return Index(name, *columns, unique=unique, info={"where": where})


def checked(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
