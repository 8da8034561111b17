"""The operations of ``redshift-data`` that run statements and fetch their results."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.data import paging
from api.data.access import Access
from api.data.parameters import check_used, numbered
from api.data.records import column_metadata, json_rows
from api.data.results import Result
from api.data.sessions import Desk, Held
from api.data.statements import ENDED, Execution, Part, Statements, Status
from api.errors import ApiError, invalid
from api.gateway import Operations
from api.identities import Caller
from api.models import RawJson
from api.seams import Codec
from core.clock import Clock
from core.errors import SqlError
from session.warehouse import Warehouse

_TEXT_BYTES: Final = 200_000
"""Longest text of all statements of a request."""
_PAGE: Final = 100
_OWNER: Final = "redshift-data:statement-owner-iam-userid"
_SESSION_OWNER: Final = "redshift-data:session-owner-iam-userid"


class DataApi:
    """The operations, by name in ``operations``."""

    def __init__(
        self, warehouse: Warehouse, access: Access, desk: Desk, statements: Statements, codec: Codec, clock: Clock
    ) -> None:
        """Run statements of *warehouse*."""
        self._warehouse = warehouse
        self._access = access
        self._desk = desk
        self._statements = statements
        self._codec = codec
        self._clock = clock

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "ExecuteStatement": self.execute,
            "BatchExecuteStatement": self.batch_execute,
            "DescribeStatement": self.describe,
            "GetStatementResult": self.result,
            "GetStatementResultV2": self.result_v2,
            "ListStatements": self.list_statements,
            "ListSessions": self.list_sessions,
            "CancelStatement": self.cancel,
        }

    async def execute(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ExecuteStatement."""
        return await self._start(caller, "ExecuteStatement", given, [given["Sql"]])

    async def batch_execute(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """BatchExecuteStatement."""
        return await self._start(caller, "BatchExecuteStatement", given, given["Sqls"])

    async def describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeStatement."""
        execution, part = self._find(caller, "DescribeStatement", given["Id"])
        await self._wait(execution, given)
        answer = {
            **_common(execution),
            "Id": execution.id,
            "Status": execution.status.value,
            "UpdatedAt": execution.updated,
            "Duration": sum(each.duration_ns for each in execution.parts),
            "Error": execution.error or None,
            "HasResultSet": execution.has_result,
            "RedshiftPid": execution.pid,
            "ResultRows": sum(max(each.rows, 0) for each in execution.parts) if execution.is_batch else -1,
            "ResultSize": sum(each.size for each in execution.parts),
            "RedshiftQueryId": -1,
            "ResultFormat": _format(execution),
            "QueryParameters": execution.request.get("Parameters"),
            "SessionId": execution.session_id or None,
        }
        if execution.is_batch:
            mode = execution.text("ExecutionMode") or "TRANSACTION"
            return {**answer, "ExecutionMode": mode, "SubStatements": [_sub(each) for each in execution.parts]}
        only = part or execution.parts[0]
        return {**answer, "QueryString": only.sql, "ResultRows": only.rows, "RedshiftQueryId": only.query}

    async def result(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetStatementResult."""
        execution, result = await self._result(caller, "GetStatementResult", given)
        if _format(execution) != "JSON":
            raise invalid("The result of this statement is in CSV format: use GetStatementResultV2.")
        lines, more = await self._page(given, result)
        rows = await asyncio.to_thread(json_rows, lines, result.columns)
        return self._answer(result, rows, more)

    async def result_v2(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetStatementResultV2."""
        execution, result = await self._result(caller, "GetStatementResultV2", given)
        if _format(execution) != "CSV":
            raise invalid("The result of this statement is in JSON format: use GetStatementResult.")
        lines, more = await self._page(given, result)
        return {**self._answer(result, [{"CSVRecords": lines.decode()}], more), "ResultFormat": "CSV"}

    async def list_statements(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListStatements."""
        caller.require("redshift-data:ListStatements", "*", {_OWNER: caller.identity.user_id})
        wanted = [execution for execution in self._statements.of(caller.arn) if _listed(execution, given)]
        page, following = _cut(wanted, "ListStatements", given)
        return {"Statements": [_summary(execution) for execution in page], "NextToken": following}

    async def list_sessions(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListSessions."""
        caller.require("redshift-data:ListSessions", "*", {_SESSION_OWNER: caller.identity.user_id})
        wanted = [held for held in self._desk.of(caller.arn) if _session_listed(held, given)]
        page, following = _cut(wanted, "ListSessions", given)
        return {"Sessions": [_session(held) for held in page], "NextToken": following}

    async def cancel(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CancelStatement."""
        execution, _ = self._find(caller, "CancelStatement", given["Id"])
        if not self._statements.cancel(execution):
            raise invalid(f"Could not cancel a query that is already in {execution.status.value} state.")
        return {"Status": True}

    async def _start(
        self, caller: Caller, action: str, given: dict[str, Any], texts: Sequence[str]
    ) -> Mapping[str, Any]:
        if sum(len(text.encode()) for text in texts) > _TEXT_BYTES:
            raise invalid(f"The statements' text is longer than {_TEXT_BYTES} bytes.")
        if token := given.get("ClientToken"):
            known = self._statements.repeated(caller.arn, token)
            if known is not None:
                if [part.sql for part in known.parts] != list(texts):
                    raise invalid("ClientToken was used before with other statements.")
                return _begun(known)
        held = await self._held(caller, action, given)
        try:
            execution = self._execution(caller, given, texts, held)
            self._statements.start(execution, held)
        except ApiError:
            await self._desk.done(held)
            raise
        held.statement = execution.id
        await self._wait(execution, given)
        return _begun(execution)

    async def _held(self, caller: Caller, action: str, given: dict[str, Any]) -> Held:
        keep = given.get("SessionKeepAliveSeconds")
        if "SessionId" in given:
            if {"Database", "DbUser", "SecretArn", "ClusterIdentifier", "WorkgroupName"} & given.keys():
                raise invalid(
                    "SessionId says where a statement runs: no cluster, database or user can be given with it."
                )
            place = caller.place
            caller.require(f"redshift-data:{action}", place.cluster_arn, {_SESSION_OWNER: caller.identity.user_id})
            return self._desk.take(caller, given["SessionId"], keep)
        self._access.require(caller, action, given)
        database = given.get("Database")
        if not database:
            raise invalid("Database is needed.")
        user = await self._access.user(caller, given, database)
        names = {"cluster": given.get("ClusterIdentifier", ""), "workgroup": given.get("WorkgroupName", "")}
        return self._desk.new(caller, user, database, keep or 0, **names)

    def _execution(self, caller: Caller, given: dict[str, Any], texts: Sequence[str], held: Held) -> Execution:
        names = [parameter["name"] for parameter in given.get("Parameters", ())]
        try:
            statements = [numbered(text, names) for text in texts]
        except SqlError as error:
            raise invalid(error.message) from None
        check_used(statements, names)
        now = self._clock.now()
        identifier = str(uuid.uuid4())
        parts = [
            Part(
                id=f"{identifier}:{number}" if "Sqls" in given else identifier,
                sql=text,
                numbered=statement,
                created=now,
                updated=now,
            )
            for number, (text, statement) in enumerate(zip(texts, statements, strict=True), start=1)
        ]
        where = {"ClusterIdentifier": held.cluster, "WorkgroupName": held.workgroup}
        return Execution(
            id=identifier,
            owner=caller.arn,
            parts=parts,
            created=now,
            updated=now,
            request={**given, **{name: value for name, value in where.items() if value}},
            db_user=held.user,
            database=held.database,
            session_id=held.id if held.keep_s else "",
        )

    def _find(self, caller: Caller, action: str, identifier: str) -> tuple[Execution, Part | None]:
        caller.require(f"redshift-data:{action}", "*", {_OWNER: caller.identity.user_id})
        return self._statements.find(caller.arn, identifier)

    async def _wait(self, execution: Execution, given: Mapping[str, Any]) -> None:
        seconds = given.get("WaitTimeSeconds")
        if seconds and execution.status not in ENDED:
            try:
                async with asyncio.timeout(seconds):
                    await execution.done.wait()
            except TimeoutError:
                return

    async def _result(self, caller: Caller, action: str, given: dict[str, Any]) -> tuple[Execution, Result]:
        execution, part = self._find(caller, action, given["Id"])
        await self._wait(execution, given)
        kept = execution.status is Status.FINISHED or execution.text("ExecutionMode") == "AUTO_COMMIT"
        if not kept or part is None or part.status is not Status.FINISHED or part.result is None:
            raise ApiError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
                ResourceId=given["Id"],
            )
        return execution, part.result

    async def _page(self, given: dict[str, Any], result: Result) -> tuple[bytes, str | None]:
        """Return a page as lines of CSV, and the token of the next one."""
        number = paging.start_of(given["Id"], given.get("NextToken"))
        if number and number >= result.pages:
            raise invalid("NextToken is not valid.")
        encode = self._codec.csv(result.columns, result.style)

        def read() -> bytes:
            batch = self._statements.page(result, number)
            return encode(batch) if batch is not None else b""

        try:
            lines = await asyncio.to_thread(read)
        except FileNotFoundError:
            message = "The result is no longer kept."
            raise ApiError("ResourceNotFoundException", message, ResourceId=given["Id"]) from None
        return lines, paging.token(given["Id"], number + 1) if number + 1 < result.pages else None

    def _answer(self, result: Result, records: RawJson | list[dict[str, str]], more: str | None) -> dict[str, Any]:
        return {
            "Records": records,
            "ColumnMetadata": column_metadata(result.columns, self._warehouse.store.state),
            "TotalNumRows": result.rows,
            "NextToken": more,
        }


def _common(execution: Execution) -> dict[str, Any]:
    return {
        "CreatedAt": execution.created,
        "ClusterIdentifier": execution.text("ClusterIdentifier") or None,
        "WorkgroupName": execution.text("WorkgroupName") or None,
        "SecretArn": execution.text("SecretArn") or None,
        "DbUser": execution.db_user,
        "Database": execution.database,
    }


def _begun(execution: Execution) -> Mapping[str, Any]:
    answer = {**_common(execution), "Id": execution.id, "SessionId": execution.session_id or None}
    if "WaitTimeSeconds" in execution.request:
        answer["Status"] = execution.status.value
        answer["HasResultSet"] = execution.has_result
        answer["RedshiftPid"] = execution.pid
    return answer


def _format(execution: Execution) -> str:
    return execution.text("ResultFormat") or "JSON"


def _sub(part: Part) -> dict[str, Any]:
    return {
        "Id": part.id,
        "Status": part.status.value,
        "CreatedAt": part.created,
        "UpdatedAt": part.updated,
        "Duration": part.duration_ns,
        "Error": part.error or None,
        "QueryString": part.sql,
        "ResultRows": part.rows,
        "ResultSize": part.size,
        "RedshiftQueryId": part.query,
        "HasResultSet": part.result is not None,
    }


def _listed(execution: Execution, given: Mapping[str, Any]) -> bool:
    status = given.get("Status", "ALL")
    return (
        status in {"ALL", execution.status.value}
        and execution.text("StatementName").startswith(given.get("StatementName", ""))
        and given.get("Database", execution.database) == execution.database
        and all(
            given.get(name, execution.text(name)) == execution.text(name)
            for name in ("ClusterIdentifier", "WorkgroupName")
        )
    )


def _summary(execution: Execution) -> dict[str, Any]:
    texts = [part.sql for part in execution.parts]
    return {
        "Id": execution.id,
        "QueryString": texts[0] if not execution.is_batch else None,
        "QueryStrings": texts if execution.is_batch else None,
        "SecretArn": execution.text("SecretArn") or None,
        "Status": execution.status.value,
        "StatementName": execution.text("StatementName") or None,
        "CreatedAt": execution.created,
        "UpdatedAt": execution.updated,
        "QueryParameters": execution.request.get("Parameters"),
        "IsBatchStatement": execution.is_batch,
        "ResultFormat": _format(execution),
        "SessionId": execution.session_id or None,
    }


def _session_status(held: Held) -> str:
    return "CLOSED" if held.closed else "BUSY" if held.busy else "AVAILABLE"


def _session_listed(held: Held, given: Mapping[str, Any]) -> bool:
    own = {
        "SessionId": held.id,
        "Status": _session_status(held),
        "ClusterIdentifier": held.cluster,
        "WorkgroupName": held.workgroup,
        "Database": held.database,
    }
    return all(given.get(name, value) == value for name, value in own.items())


def _session(held: Held) -> dict[str, Any]:
    return {
        "SessionId": held.id,
        "Status": _session_status(held),
        "CreatedAt": held.created,
        "UpdatedAt": held.updated,
        "Database": held.database,
        "DbUser": held.user,
        "ClusterIdentifier": held.cluster or None,
        "WorkgroupName": held.workgroup or None,
        "SessionAliveSeconds": held.keep_s,
        "SessionTtl": held.ends,
        "CurrentStatementId": held.statement or None,
    }


def _cut(items: Sequence[Any], what: str, given: Mapping[str, Any]) -> tuple[Sequence[Any], str | None]:
    start = paging.start_of(what, given.get("NextToken"))
    end = start + (given.get("MaxResults") or _PAGE)
    return items[start:end], paging.token(what, end) if end < len(items) else None
