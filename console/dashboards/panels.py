"""What a dashboard is made of: panels with queries, drawn in the widths and colours that all dashboards share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models.common import BigValueColorMode, LegendDisplayMode, LegendPlacement, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from infra.components.monitoring_container import SCRAPE_SECONDS, filled

Shape = Literal["line", "figure", "states"]

SOURCE = "datasource"
"""The dashboards' variable for the Prometheus to ask: who imports them chooses it in Grafana."""

_SIZES: dict[Shape, tuple[int, int]] = {"line": (12, 8), "figure": (4, 4), "states": (24, 12)}
_COLOURS = ("green", "orange", "red")
_STATES = {"0": ("ok", "green"), "1": ("warning", "orange"), "2": ("critical", "red"), "3": ("unknown", "gray")}
_STATE_WORDS = ValueMap({value: ValueMappingResult(text=word, color=colour) for value, (word, colour) in _STATES.items()})


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression, and what its lines are called: text with `{{label}}` in it."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel. `unit` is Grafana's name of one ("bytes", "s", "percentunit", "short").

    `warn` and `critical` colour its values: bounds of the blueprint, named as in the alert rules (`@postgres.connections_warn@`).
    `low` is for values that are bad where they are small. `states` shows the numbers of a check's outcome by their words.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    shape: Shape = "line"
    warn: str = ""
    critical: str = ""
    low: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, and the panels below it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard. `name` is its file's and its stable identity in Grafana: an import replaces the earlier version."""

    name: str
    title: str
    rows: tuple[Row, ...]


def build(content: Dashboard) -> dashboard.Dashboard:
    """The dashboard in Grafana's own terms. Pure; KeyError or AttributeError for a bound that is not in the blueprint."""
    source = dashboard.DatasourceVariable(SOURCE).label("Prometheus").type("prometheus")
    board = dashboard.Dashboard(content.title).uid(f"christmas-{content.name}").tags(["christmas"]).refresh("30s").time("now-6h", "now")
    board = board.timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR).editable().with_variable(source)
    for row in content.rows:
        board = board.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            board = board.with_panel(_panel(panel))
    return board


def _panel(panel: Panel) -> timeseries.Panel | stat.Panel | statetimeline.Panel:
    width, height = _SIZES[panel.shape]
    drawn: timeseries.Panel | stat.Panel | statetimeline.Panel
    if panel.shape == "figure":
        drawn = stat.Panel().color_mode(BigValueColorMode.BACKGROUND)
    elif panel.shape == "states":
        drawn = statetimeline.Panel().mappings([_STATE_WORDS]).row_height(0.8).show_value(VisibilityMode.NEVER)
    else:
        legend = (
            common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(show_legend=True)
        )
        drawn = timeseries.Panel().fill_opacity(8).legend(legend).min(0)
    drawn = drawn.title(panel.title).unit(panel.unit).span(width).height(height)
    drawn = drawn.datasource(_source()).thresholds(_thresholds(panel))
    for number, query in enumerate(panel.queries):
        drawn = drawn.with_target(_query(query, chr(ord("A") + number), instant=panel.shape == "figure"))
    return drawn


def _query(query: Query, letter: str, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend).datasource(_source())
    return target.instant() if instant else target.range().interval(f"{SCRAPE_SECONDS}s")


def _source() -> DataSourceRef:
    return DataSourceRef(type_val="prometheus", uid=f"${{{SOURCE}}}")


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    """Steps from Grafana's lowest on: each colour begins at its value."""
    bounds = [float(filled(bound)) if bound else None for bound in (panel.warn, panel.critical)]
    if panel.low:
        steps = [Threshold(color="red", value=None), Threshold(color="orange", value=bounds[1]), Threshold(color="green", value=bounds[0])]
    else:
        steps = [Threshold(color=colour, value=value) for colour, value in zip(_COLOURS, [None, *bounds], strict=True)]
    bounded = [steps[0], *(step for step in steps[1:] if step.value is not None)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(bounded)
