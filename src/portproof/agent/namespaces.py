"""Opens sockets in other network namespaces (setns(2))."""

import os
from _socket import socket  # `socket` loads longer
from _thread import allocate_lock, start_new_thread

from .files import file_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NEW_NET = 1 << 30


def open_in(task: str, namespace: str, opened: "Callable[[], socket]") -> socket:
    """Return a socket that was opened in the network namespace of a task, in which it stays.

    Args:
        task: The folder of the task, such as ``/proc/1``.
        namespace: The inode of its network namespace; "0" if it may not be known.
        opened: Opens the socket.

    Raises:
        OSError: The namespace may not be entered, or is another one by now.
    """
    own = "/proc/thread-self"
    own = own if os.path.exists(own) else "/proc/self"  # Linux before 3.17
    # The files below net/ have inodes of their own in each namespace.
    if namespace == "0" and file_identity(task + "/net/dev") == file_identity(own + "/net/dev"):
        return opened()
    handle = os.open(task + "/ns/net", os.O_RDONLY)
    try:
        found = os.fstat(handle)
        if str(found.st_ino) != namespace:
            raise OSError("another network namespace by now")
        is_own = os.path.samestat(found, os.stat(own + "/ns/net"))
        return opened() if is_own else _opened_inside(handle, opened)
    finally:
        os.close(handle)


def _opened_inside(handle: int, opened: "Callable[[], socket]") -> socket:
    """Open a socket in a thread that enters the namespace and ends; no other leaves its own."""
    enter = _entrance()
    results: list[object] = []
    done = allocate_lock()
    done.acquire()

    def work() -> None:
        try:
            enter(handle)
            results.append(opened())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for it
            results.append(error)
        finally:
            done.release()

    try:
        start_new_thread(work, ())
    except RuntimeError as error:
        raise OSError(str(error)) from None
    done.acquire()
    if isinstance(results[0], socket):
        return results[0]
    raise OSError(getattr(results[0], "strerror", None) or str(results[0]))


def _entrance() -> "Callable[[int], None]":
    """Return what has the calling thread enter a network namespace, or raise OSError."""
    setns = getattr(os, "setns", None)  # from Python 3.12 on
    if setns is not None:
        return lambda handle: setns(handle, _NEW_NET)
    try:
        from ctypes import CDLL, get_errno

        call = CDLL(None, use_errno=True).setns
    except (ImportError, OSError, AttributeError) as error:
        raise OSError("setns cannot be called: " + str(error)) from None

    def enter(handle: int) -> None:
        if call(handle, _NEW_NET):
            raise OSError(get_errno(), os.strerror(get_errno()))

    return enter
