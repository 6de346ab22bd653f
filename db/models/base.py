"""What every table is built of: the base class, column types, and helpers for keys and checks."""

from datetime import UTC, date, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, cast, get_args

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import NullType


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


_TYPES: dict[Any, Any] = {
    int: Integer(),
    float: Double(),
    bool: Boolean(),
    date: Date(),
    datetime: Instant(),
    str: Text(),
    bytes: LargeBinary(),
    dict[str, Any]: JSON(),
    list[str]: JSON(),
    list[int]: JSON(),
}


class Base:
    """A table as a class, and its columns as the attributes of that class: ``name: ColumnElement[str]``, of the type
    that the annotation says, and nullable where it says ``| None``.

    SQLAlchemy's own declarative classes are the same to read, and bring an object mapper along that nothing here uses:
    0.1 s of every command's start.
    """

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    __tablename__: ClassVar[str]
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __table__: ClassVar[Table]

    def __init_subclass__(cls, **options: Any) -> None:
        told = cls.__annotations__.items()
        columns = [_column(name, get_args(kind)[0], cls.__dict__.get(name)) for name, kind in told]
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns, *cls.__table_args__, **options)
        for column in columns:
            setattr(cls, column.key, column)

    @classmethod
    def __clause_element__(cls) -> Table:
        """What SQLAlchemy takes where the class stands in a statement."""
        return cls.__table__


def _column(name: str, kind: Any, given: Column[Any] | None) -> Column[Any]:
    column: Column[Any] = Column() if given is None else given
    column.name = column.key = name
    column.nullable = isinstance(kind, UnionType)
    if isinstance(column.type, NullType) and not column.foreign_keys:  # a reference is of its target's type
        told = [part for part in get_args(kind) if part is not NoneType] if column.nullable else [kind]
        column.type = _TYPES[told[0]]
    return column


def new_id() -> Column[int]:
    return Column(Id, primary_key=True)


def ref(target: str, *, on_delete: str | None = None, index: bool = True) -> Column[Any]:
    return Column(Id, ForeignKey(target, ondelete=on_delete), index=index)


Model = TypeVar("Model", bound=Base)


class _Alias:
    """A table under another name, with its columns as attributes."""

    def __init__(self, model: type[Base]) -> None:
        self._table = model.__table__.alias()
        vars(self).update(self._table.c.items())

    def __clause_element__(self) -> Any:
        return self._table


def aliased(model: type[Model]) -> type[Model]:
    """The same table once more in a statement."""
    return cast("type[Model]", _Alias(model))


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of some rows. Its condition stands here for who reads it, and is held to what the migrations made by a
    test: said in PostgreSQL's name it would load that dialect into every process, for 20 ms."""
    return Index(name, *columns, unique=unique, info={"where": where})


def checked(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
