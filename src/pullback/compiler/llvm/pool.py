"""The code of threads that share work: see `pullback.compiler.pool`."""

from __future__ import annotations

from typing import Final

from pullback.compiler.llvm import link
from pullback.compiler.objects import joined

_ALONE: Final = """
define void @pullback_parallel(ptr %f, ptr %args, i64 %count) {
entry:
  br label %part
part:
  %k = phi i64 [0, %entry], [%next, %part]
  call void %f(ptr %args, i64 %k)
  %next = add nuw i64 %k, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %part, label %end
end:
  ret void
}
"""

_SHARED: Final = """
@ticket = internal global i64 0, align 64
@unfinished = internal global i64 0, align 64
@busy = internal global i64 1, align 64
@job = internal global [2 x ptr] zeroinitializer, align 64
@sleepers = internal global i64 0, align 64
@mutex = internal global [128 x i8] zeroinitializer, align 64
@condition = internal global [128 x i8] zeroinitializer, align 64

declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @sched_yield()

define void @pullback_open() {
  call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  call i32 @pthread_cond_init(ptr @condition, ptr null)
  store atomic i64 0, ptr @sleepers seq_cst, align 8
  store atomic i64 0, ptr @busy seq_cst, align 8
  ret void
}

define void @pullback_close() {
  store atomic i64 1, ptr @busy seq_cst, align 8
  ret void
}

define internal i1 @take() {
  %t = load atomic i64, ptr @ticket seq_cst, align 8
  %left = and i64 %t, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %fail, label %try
try:
  %f = load ptr, ptr @job
  %place = getelementptr ptr, ptr @job, i64 1
  %args = load ptr, ptr %place
  %less = sub i64 %t, 1
  %pair = cmpxchg ptr @ticket, i64 %t, i64 %less seq_cst seq_cst
  %won = extractvalue {i64, i1} %pair, 1
  br i1 %won, label %work, label %again
again:
  ret i1 true
work:
  %k = sub i64 %left, 1
  call void %f(ptr %args, i64 %k)
  %before = atomicrmw sub ptr @unfinished, i64 1 seq_cst
  ret i1 true
fail:
  ret i1 false
}

define void @pullback_worker() {
entry:
  br label %look
look:
  %n = phi i64 [0, %entry], [%n1, %idle], [0, %look], [0, %awake]
  %found = call i1 @take()
  br i1 %found, label %look, label %idle
idle:
  call i32 @sched_yield()
  %n1 = add i64 %n, 1
  %tired = icmp ugt i64 %n1, SPINS
  br i1 %tired, label %sleep, label %look
sleep:
  call i32 @pthread_mutex_lock(ptr @mutex)
  %s = atomicrmw add ptr @sleepers, i64 1 seq_cst
  br label %check
check:
  %t = load atomic i64, ptr @ticket seq_cst, align 8
  %left = and i64 %t, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %wait, label %awake
wait:
  call i32 @pthread_cond_wait(ptr @condition, ptr @mutex)
  br label %check
awake:
  %s1 = atomicrmw sub ptr @sleepers, i64 1 seq_cst
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %look
}

define void @pullback_parallel(ptr %f, ptr %args, i64 %count) {
entry:
  %pair = cmpxchg ptr @busy, i64 0, i64 1 seq_cst seq_cst
  %free = extractvalue {i64, i1} %pair, 1
  br i1 %free, label %publish, label %part
part:
  %k = phi i64 [0, %entry], [%next, %part]
  call void %f(ptr %args, i64 %k)
  %next = add nuw i64 %k, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %part, label %end
end:
  ret void
publish:
  store ptr %f, ptr @job
  %place = getelementptr ptr, ptr @job, i64 1
  store ptr %args, ptr %place
  store atomic i64 %count, ptr @unfinished seq_cst, align 8
  %t = load atomic i64, ptr @ticket seq_cst, align 8
  %number = add i64 %t, 4294967296
  %new = add i64 %number, %count
  store atomic i64 %new, ptr @ticket seq_cst, align 8
  %s = load atomic i64, ptr @sleepers seq_cst, align 8
  %sleeping = icmp ugt i64 %s, 0
  br i1 %sleeping, label %wake, label %share
wake:
  call i32 @pthread_mutex_lock(ptr @mutex)
  call i32 @pthread_cond_broadcast(ptr @condition)
  call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %share
share:
  %found = call i1 @take()
  br i1 %found, label %share, label %rest
rest:
  %u = load atomic i64, ptr @unfinished seq_cst, align 8
  %done = icmp eq i64 %u, 0
  br i1 %done, label %leave, label %linger
linger:
  %l = phi i64 [0, %rest], [%l1, %linger2]
  br label %linger2
linger2:
  %l1 = add i64 %l, 1
  %u1 = load atomic i64, ptr @unfinished seq_cst, align 8
  %done1 = icmp eq i64 %u1, 0
  %long = icmp ugt i64 %l1, 1000
  %out = or i1 %done1, %long
  br i1 %out, label %yield, label %linger
yield:
  call i32 @sched_yield()
  br label %rest
leave:
  store atomic i64 0, ptr @busy seq_cst, align 8
  ret void
}
"""

_SPINS: Final = 2000


def object_code(*, shared: bool) -> bytes:
    """Return the machine code of what hands out parts: to threads, or all of them to the caller."""
    text = (_SHARED if shared else _ALONE).replace("SPINS", str(_SPINS))
    return joined(link.object_files(text, level=0))
