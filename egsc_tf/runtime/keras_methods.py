"""What Keras' models can do, and a model of ours cannot: refused in one line."""

from collections.abc import Callable
from typing import Any, TypeVar

from egsc_tf.errors import UserError

T = TypeVar("T", bound=type)
# Keras takes a NotImplementedError here for a model that it cannot write.
CONFIG = "get_config"


def without(instead: dict[str, str]) -> Callable[[T], T]:
    """A decorator of a class of keras.Model.

    instead: {name of a method: what to use instead of it}. Calling the method raises
    UserError, which says so.
    """

    def decorate(cls: T) -> T:
        for name, other in instead.items():
            setattr(cls, name, _refusing(f"{cls.__name__}.{name}", other, name))
        return cls

    return decorate


def _refusing(full_name: str, instead: str, name: str) -> Callable[..., None]:
    kind = NotImplementedError if name == CONFIG else UserError

    def refused(self: Any, *args: Any, **kwargs: Any) -> None:
        raise kind(f"{full_name}: expected another call, {instead}")

    refused.__name__, refused.__doc__ = name, f"Not to be had: use {instead}."
    return refused
