"""Draws recall against speed, one line for each way of building the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.points import Point


def draw(points: Sequence[Point], passages: int, file: Path) -> None:
    """Write the picture as SVG. Points go along a line by `ef`; the grey one joins those that no other beats in both.

    Recall is drawn by how little is missed, since that is where settings differ.
    """
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "recall"  # the same picture of the same points is the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 6), layout="constrained")
    best = front(points)
    axes.plot(
        [missed(point) for point in best], [point.queries_per_second for point in best], color="0.75", linewidth=7, zorder=0, label="front"
    )
    builds = list(dict.fromkeys(point.build for point in points))
    for number, build in enumerate(builds):
        mine = sorted((point for point in points if point.build == build and point.ef > 0), key=lambda point: point.ef)
        memory = sum(point.memory_mib for point in mine) / len(mine)
        style = "-" if build.quantizer == "none" else "--"
        label = f"{build.name} ({memory:.0f} MiB, built in {mine[0].build_seconds:.0f} s)"
        axes.plot(
            [missed(point) for point in mine], [point.queries_per_second for point in mine], style, marker="o", markersize=4,
            color=f"C{number}", label=label,
        )  # fmt: skip
    for point in (point for point in points if point.build == builds[0] and point.ef > 0):
        axes.annotate(f"ef {point.ef}", (missed(point), point.queries_per_second), textcoords="offset points", xytext=(5, 5), fontsize=7)
    for point in (point for point in points if point.chosen):
        label = f"blueprint: recall {point.recall:.3f}, p95 {point.p95_ms:.1f} ms"
        axes.plot([missed(point)], [point.queries_per_second], "*", markersize=18, color="black", zorder=5, label=label)
    axes.axvline(0.01, color="0.5", linewidth=0.8, linestyle=":")
    shown = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xticks([1 - recall for recall in shown], [f"{recall:g}" for recall in shown])
    axes.minorticks_off()
    axes.set(xlabel="recall@10 against exact search", ylabel="queries/s, four clients", title=f"{passages:,} real passages, 384 dimensions")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def missed(point: Point) -> float:
    """The share of neighbours that was not found, at least what one of 5,000 is, so that a logarithm can show it."""
    return max(1 - point.recall, 0.0002)


def front(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in both recall and queries/s, by recall."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.recall, point.queries_per_second), reverse=True):
        if not best or point.queries_per_second > best[-1].queries_per_second:
            best.append(point)
    return best[::-1]
