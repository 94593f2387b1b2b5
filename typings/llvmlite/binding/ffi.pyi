from ctypes import _CFunctionType
from types import TracebackType
from typing import Self

class OutputString:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class _Library:
    _name: str
    def __getattr__(self, name: str) -> _CFunctionType: ...

lib: _Library
