"""The style sheet of every report; it stands inside the page, and its colours are variables for light, dark and print.

Series colours are darkened (light) or lightened (dark) relatives of Okabe and Ito's palette, which colour-blind readers
can tell apart; each has a contrast of at least 4.5:1 to its background.
"""

from __future__ import annotations

LIGHT = {
    "page": "#ffffff",
    "panel": "#f3f4f6",
    "text": "#1b1f24",
    "muted": "#57606a",
    "line": "#c9ced6",
    "mark": "#fff3c4",
    "best": "#0b6b3a",
    "c1": "#0065a8",
    "c2": "#b04a00",
    "c3": "#00735a",
    "c4": "#8e3f78",
    "c5": "#725700",
    "c6": "#444c56",
}
DARK = {
    "page": "#14171b",
    "panel": "#1e2329",
    "text": "#eceff3",
    "muted": "#a9b1bc",
    "line": "#3c444e",
    "mark": "#3d3410",
    "best": "#5fd38d",
    "c1": "#56b4e9",
    "c2": "#f0954a",
    "c3": "#3cc9a0",
    "c4": "#e09bc8",
    "c5": "#e6c84a",
    "c6": "#b8c0ca",
}
_DASHES = ("none", "7 4", "2 3", "10 3 2 3", "14 4", "4 2")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def _series() -> str:
    return "".join(
        f"rect.c{place},circle.c{place}{{fill:var(--c{place})}}"
        f"polyline.c{place}{{stroke:var(--c{place});stroke-dasharray:{dash}}}"
        for place, dash in enumerate(_DASHES, 1)
    )


STYLE = f"""
:root{{{_variables(LIGHT)}color-scheme:light dark}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
*{{box-sizing:border-box}}
html{{background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}}
body{{margin:0 auto;max-width:80rem;padding:1rem;overflow-wrap:anywhere}}
h1{{font-size:1.6rem;line-height:1.2;margin:0 0 .3rem}}
h2{{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}}
h3{{font-size:1rem;margin:1.2rem 0 .3rem}}
a{{color:var(--c1)}}
nav ul{{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0}}
.muted,footer,figcaption{{color:var(--muted);font-size:.9rem}}
.text{{white-space:pre-wrap;max-width:45rem}}
.wide{{overflow-x:auto;margin:.8rem 0}}
.wide:focus-visible,a:focus-visible{{outline:3px solid var(--c1);outline-offset:2px}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}}
caption{{text-align:left;color:var(--muted);font-size:.9rem;padding:.2rem 0}}
th,td{{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid var(--line);max-width:26rem}}
td,tbody th{{overflow-wrap:break-word;white-space:pre-wrap}}
tbody th{{font-weight:600;min-width:7rem}}
thead th{{background:var(--panel);overflow-wrap:anywhere}}
.number{{text-align:right;white-space:nowrap}}
.marked{{background:var(--mark)}}
.best{{font-weight:700;color:var(--best)}}
rect.best{{fill:var(--best)}}
.differs{{background:var(--mark)}}
.panel{{background:var(--panel);border-left:.3rem solid var(--best);padding:.6rem 1rem;margin:1rem 0}}
dl{{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.2rem 1rem;margin:.5rem 0}}
dt{{font-weight:600}}
dd{{margin:0;white-space:pre-wrap}}
.bar{{display:block;width:6rem;height:.5rem;margin:.15rem 0 .15rem auto}}
figure{{margin:1rem 0;max-width:44rem}}
.plot{{display:block;width:100%;height:auto}}
.plot text{{fill:var(--text);font-size:12px}}
.plot .left{{text-anchor:end;dominant-baseline:middle}}
.plot .last{{text-anchor:end}}
.grid{{stroke:var(--line)}}
polyline{{fill:none;stroke-width:2}}
{_series()}
.legend{{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:.3rem 0}}
.key{{width:28px;height:10px;margin-right:.4rem}}
@media (max-width:30rem){{body{{padding:.6rem}}dl{{grid-template-columns:1fr;gap:0}}dd{{margin:0 0 .4rem}}}}
@media print{{
:root{{{_variables(LIGHT)}color-scheme:light}}
body{{max-width:none;padding:0;font-size:10pt}}
nav{{display:none}}
.wide{{overflow:visible}}
h2,h3,caption{{break-after:avoid}}
tr,figure,.panel{{break-inside:avoid}}
rect,.marked,.differs{{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
}}
""".strip()
