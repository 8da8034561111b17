"""The errors that a caller of an AWS interface is told: a code from its service's model, and a message."""

from typing import Any


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: str, message: str, *, status: int = 400, **fields: Any) -> None:
        """Answer with *code*; *fields* are further members of the error's shape."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def invalid(message: str) -> ApiError:
    """Return the error for input that cannot be used."""
    return ApiError("ValidationException", message)


def not_found(message: str, resource: str) -> ApiError:
    """Return the error for something that does not exist, or not for this caller."""
    return ApiError("ResourceNotFoundException", message, ResourceId=resource)


def denied(arn: str, action: str, resource: str) -> ApiError:
    """Return the error for what an identity's policies do not allow, in IAM's words."""
    return ApiError(
        "AccessDeniedException",
        f"User: {arn} is not authorized to perform: {action} on resource: {resource} "
        "because no identity-based policy allows the action",
    )
