"""Reads a declaration whose keys are the fields of a pydantic model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from flask_otpauth.adapters.senders.declarations import Problem, WrongDeclaration
from flask_otpauth.core.nearest import nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ModelT = TypeVar("ModelT", bound=BaseModel)


def read(model: type[ModelT], declaration: Mapping[str, object]) -> ModelT:
    """
    Return the model of a declaration, which names its profile besides.

    :raises WrongDeclaration: with a sentence for each key that is wrong.
    """
    values = {name: value for name, value in declaration.items() if name != "profile"}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
    raise WrongDeclaration([Problem(each["loc"], _sentence(model, each)) for each in details])


def _sentence(model: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "this key is required"
    if error["type"] == "extra_forbidden":
        return f"unknown key{nearest(str(error['loc'][0]), model.model_fields)}"
    return error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
