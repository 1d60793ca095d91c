"""Colours, light and dark, and the style sheets of figures and page."""

from __future__ import annotations

import re

_COLORS = {
    # name: (light, dark)
    "paper": ("#ffffff", "#12161b"),
    "card": ("#f5f7f9", "#1a2027"),
    "ink": ("#1b1f24", "#e6e9ed"),
    "muted": ("#59636e", "#9aa5b1"),
    "grid": ("#dfe4e9", "#2d3540"),
    "first": ("#1f62c9", "#6cb0ff"),
    "second": ("#c9500a", "#ff9d5c"),
    "third": ("#18794a", "#5fd08f"),
    "fourth": ("#7d3ac1", "#c39bff"),
}
_FONT = (
    'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans","DejaVu Sans",sans-serif'
)

SERIES = ("first", "second", "third", "fourth")
"""Classes of the colours of data, in the order in which to use them."""

FIGURES = f"""
text{{font-family:{_FONT};font-size:11px;fill:var(--ink)}}
text.title{{font-size:12px;font-weight:600}}
text.headline{{font-size:15px;font-weight:600}}
text.note{{fill:var(--muted)}}
text.halo{{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}}
text.small{{font-size:9.5px}}
.grid{{stroke:var(--grid);stroke-width:1;fill:none}}
.zero{{stroke:var(--muted);stroke-width:1}}
.first{{color:var(--first)}} .second{{color:var(--second)}}
.third{{color:var(--third)}} .fourth{{color:var(--fourth)}}
.black{{color:var(--ink)}} .gray{{color:var(--muted)}}
.line,.thin,.told{{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}}
.thin{{stroke-width:1.1;stroke-opacity:.75}}
.told{{stroke-width:1.5;stroke-dasharray:5 3;stroke-linecap:butt}}
.bar,.cross{{stroke:currentColor;stroke-width:2;fill:none}}
.dot{{fill:currentColor}}
.ring,.square{{fill:var(--paper);stroke:currentColor;stroke-width:1.6}}
.area{{fill:currentColor;fill-opacity:.13;stroke:currentColor;stroke-width:2;stroke-linejoin:round}}
.disc{{fill:currentColor;fill-opacity:.28;stroke:currentColor;stroke-width:.8}}
"""
"""Of SVG figures. The colours are variables, see `for_page` and `for_pictures`."""

_PAGE = f"""
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 {_FONT}}}
main{{max-width:1220px;margin:0 auto;padding:24px 20px 64px}}
h1{{font-size:1.7rem;line-height:1.2;margin:.2em 0;overflow-wrap:anywhere}}
h2{{font-size:1.3rem;margin:2.6em 0 .3em;padding-top:.6em;border-top:1px solid var(--grid)}}
h3{{font-size:1.02rem;margin:0 0 .3em}}
p{{margin:.4em 0;max-width:74ch;overflow-wrap:anywhere}}
.muted,figcaption,.ci{{color:var(--muted)}}
nav a{{color:var(--first);margin-right:1em}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:10px;margin:1.2em 0}}
.tile{{background:var(--card);border-radius:10px;padding:11px 14px}}
.tile b{{display:block;font-size:1.2rem;white-space:nowrap;line-height:1.3;font-variant-numeric:tabular-nums}}
.tile span{{display:block;white-space:normal;font-size:.82rem;line-height:1.35;font-weight:400}}
.tile .yes,.tile .no{{font-size:1.05rem;font-weight:600}}
figure{{margin:1.4em 0}}
figcaption{{font-size:.9rem;margin-top:.4em;max-width:88ch}}
.panels{{display:grid;gap:14px 18px;grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr))}}
.panels svg{{display:block;width:100%}}
.legend{{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:.84rem;margin-bottom:.5em}}
.legend span{{display:flex;align-items:center}}
.legend svg{{flex:none;width:26px;height:12px;margin-right:6px}}
.scroll{{overflow-x:auto}}
table{{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}}
th,td{{padding:5px 12px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}}
th{{font-weight:600;vertical-align:bottom}}
.ci{{font-size:.92em;white-space:nowrap}}
.stacked td .ci{{display:block}}
.stacked td:first-child,.one-line{{white-space:nowrap}}
.scroll:not(.stacked) td:last-child{{min-width:10em}}
.yes{{color:var(--third)}} .no{{color:var(--second)}}
details{{margin:1em 0}} summary{{cursor:pointer;color:var(--first)}}
video{{max-width:100%;border-radius:10px;display:block}}
@media (min-width:1000px){{.wide text{{font-size:7.5px}} .wide text.title{{font-size:8px}}}}
@media (max-width:600px){{main{{padding:16px 14px 48px}} body{{font-size:15px}}
.wide text{{font-size:18px}} .wide text.title{{font-size:19px}}}}
"""


def for_page() -> str:
    """Style sheet of the page: light or dark as the reader's system is."""
    light, dark = (
        "".join(f"--{name}:{pair[scheme]};" for name, pair in _COLORS.items()) for scheme in range(2)
    )
    schemes = f":root{{color-scheme:light dark;{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return schemes + _PAGE + FIGURES


def for_pictures() -> str:
    """Style sheet of figures as pictures of their own: light, and with no variables."""
    return re.sub(r"var\(--(\w+)\)", lambda match: _COLORS[match[1]][0], FIGURES)


def background() -> str:
    """Of a picture."""
    return _COLORS["paper"][0]
