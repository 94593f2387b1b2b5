"""Which of our functions each function of NumPy that is not a ufunc is.

Most take the same arguments; where only their names or kinds differ, `numpy_protocol` rearranges
them. The others have an adapter, with NumPy's signature: a line here, or a function of
`numpy_adapters`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

import numpy as np

import pullback.api as pb
from pullback.api import numpy_adapters as adapters
from pullback.api.diagonals import trace
from pullback.core import lift

Function: TypeAlias = Callable[..., object]


@cache
def functions() -> Mapping[Function, Function]:
    """Return the counterparts of NumPy's functions."""
    return _reductions() | _arrangements() | _selections() | _products() | _questions() | _others()


@cache
def writers() -> Mapping[Function, str]:
    """Return NumPy's functions that write into their first argument, and what to use instead."""
    at = "x.at[indices].set(values) returns a new array"
    return {
        np.copyto: "where(condition, values, x) returns a new array",
        np.fill_diagonal: "where(eye(n, dtype=bool), values, x) returns a new array",
        np.place: "where(condition, values, x) returns a new array",
        np.put: at,
        np.put_along_axis: at,
        np.putmask: "where(condition, values, x) returns a new array",
    }


def _reductions() -> dict[Function, Function]:
    return {
        np.all: pb.all,
        np.amax: pb.max,
        np.amin: pb.min,
        np.any: pb.any,
        np.argmax: pb.argmax,
        np.argmin: pb.argmin,
        np.average: pb.average,
        np.count_nonzero: pb.count_nonzero,
        np.cumprod: pb.cumprod,
        np.cumsum: pb.cumsum,
        np.cumulative_prod: pb.cumulative_prod,
        np.cumulative_sum: pb.cumulative_sum,
        np.linalg.norm: pb.norm,
        np.max: pb.max,
        np.mean: pb.mean,
        np.median: adapters.median,
        np.min: pb.min,
        np.nanmean: pb.nanmean,
        np.nansum: pb.nansum,
        np.prod: pb.prod,
        np.ptp: pb.ptp,
        np.std: pb.std,
        np.sum: pb.sum,
        np.trapezoid: pb.trapezoid,
        np.var: pb.var,
    }


def _arrangements() -> dict[Function, Function]:
    return {
        np.append: adapters.append,
        np.array_split: pb.array_split,
        np.atleast_1d: lambda *arys: adapters.each(pb.atleast_1d, arys),
        np.atleast_2d: lambda *arys: adapters.each(pb.atleast_2d, arys),
        np.atleast_3d: lambda *arys: adapters.each(pb.atleast_3d, arys),
        np.broadcast_arrays: pb.broadcast_arrays,
        np.broadcast_to: pb.broadcast_to,
        np.column_stack: pb.column_stack,
        np.concatenate: pb.concat,
        np.diag: pb.diag,
        np.diagonal: pb.diagonal,
        np.dsplit: lambda ary, indices_or_sections: pb.split(ary, indices_or_sections, 2),
        np.dstack: pb.dstack,
        np.expand_dims: pb.expand_dims,
        np.flip: pb.flip,
        np.fliplr: lambda m: pb.flip(m, 1),
        np.flipud: lambda m: pb.flip(m, 0),
        np.hsplit: adapters.hsplit,
        np.hstack: pb.hstack,
        np.linalg.diagonal: lambda x, /, *, offset=0: pb.diagonal(x, offset, -2, -1),
        np.linalg.matrix_transpose: pb.matrix_transpose,
        np.matrix_transpose: pb.matrix_transpose,
        np.meshgrid: adapters.meshgrid,
        np.moveaxis: pb.moveaxis,
        np.pad: pb.pad,
        np.ravel: pb.ravel,
        np.repeat: pb.repeat,
        np.reshape: pb.reshape,
        np.roll: pb.roll,
        np.rot90: pb.rot90,
        np.split: pb.split,
        np.squeeze: pb.squeeze,
        np.stack: pb.stack,
        np.swapaxes: pb.swapaxes,
        np.tile: pb.tile,
        np.transpose: pb.transpose,
        np.tril: pb.tril,
        np.triu: pb.triu,
        np.unstack: pb.unstack,
        np.vsplit: lambda ary, indices_or_sections: pb.split(ary, indices_or_sections, 0),
        np.vstack: pb.vstack,
    }


def _selections() -> dict[Function, Function]:
    return {
        np.argwhere: pb.argwhere,
        np.argsort: adapters.ordering(pb.argsort),
        np.clip: adapters.clip,
        np.compress: adapters.compress,
        np.flatnonzero: pb.flatnonzero,
        np.interp: adapters.interp,
        np.nonzero: pb.nonzero,
        np.searchsorted: pb.searchsorted,
        np.select: pb.select,
        np.sort: adapters.ordering(pb.sort),
        np.take: pb.take,
        np.take_along_axis: pb.take_along_axis,
        np.where: adapters.where,
    }


def _products() -> dict[Function, Function]:
    return {
        np.convolve: adapters.convolve,
        np.cross: adapters.cross,
        np.dot: pb.dot,
        np.einsum: pb.einsum,
        np.inner: pb.inner,
        np.kron: pb.kron,
        np.linalg.cross: adapters.cross,
        np.linalg.matmul: pb.matmul,
        np.linalg.outer: pb.outer,
        np.linalg.tensordot: pb.tensordot,
        np.linalg.trace: lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1, dtype),
        np.linalg.vecdot: pb.vecdot,
        np.outer: pb.outer,
        np.tensordot: pb.tensordot,
        np.trace: trace,
        np.vdot: pb.vdot,
    }


def _questions() -> dict[Function, Function]:
    """Return the functions whose results have no derivative."""
    return {
        np.allclose: pb.allclose,
        np.array2string: lambda a, *options, **more: np.array2string(
            adapters.shown(a), *options, **more
        ),
        np.array_equal: lambda a1, a2, equal_nan=False: pb.array_equal(a1, a2, equal_nan=equal_nan),
        np.array_repr: lambda arr, *options, **more: np.array_repr(
            adapters.shown(arr), *options, **more
        ),
        np.array_str: lambda a, *options, **more: np.array_str(adapters.shown(a), *options, **more),
        np.can_cast: pb.can_cast,
        np.iscomplex: lambda x: pb.not_equal(pb.imag(x), 0),
        np.iscomplexobj: lambda x: lift(x).dtype.kind == "c",
        np.isclose: pb.isclose,
        np.isneginf: lambda x: pb.equal(x, -math.inf),
        np.isposinf: lambda x: pb.equal(x, math.inf),
        np.isreal: lambda x: pb.equal(pb.imag(x), 0),
        np.isrealobj: lambda x: lift(x).dtype.kind != "c",
        np.ndim: lambda a: lift(a).ndim,
        np.result_type: pb.result_type,
        np.shape: lambda a: lift(a).shape,
        np.size: lambda a, axis=None: adapters.size(lift(a), axis),
    }


def _others() -> dict[Function, Function]:
    return {
        np.angle: lambda z, deg=False: pb.rad2deg(pb.angle(z)) if deg else pb.angle(z),
        np.around: pb.round,
        np.astype: pb.astype,
        np.copy: pb.asarray,
        np.diff: pb.diff,
        np.empty_like: pb.empty_like,
        np.fix: pb.trunc,
        np.full_like: pb.full_like,
        np.imag: pb.imag,
        np.linspace: adapters.linspace,
        np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: pb.nan_to_num(
            x, nan=nan, posinf=posinf, neginf=neginf
        ),
        np.ones_like: pb.ones_like,
        np.polyval: adapters.polyval,
        np.real: pb.real,
        np.round: pb.round,
        np.sinc: adapters.sinc,
        np.zeros_like: pb.zeros_like,
    }
