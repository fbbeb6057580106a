/* SPDX-License-Identifier: MIT
 *
 * The page's style. The states' colours are those of Okabe and Ito, which are told apart by every
 * eye; the percentiles are one hue that grows stronger.
 */
#include "report/html.h"

/* X(name, on white, on black) */
#define COLOURS(X) \
  X("back", "#ffffff", "#15171a") \
  X("text", "#1b1d1f", "#e6e7e8") \
  X("quiet", "#5b6066", "#a3a9af") \
  X("rule", "#d9dcdf", "#3a3f45") \
  X("grid", "#e9ebed", "#272b30") \
  X("card", "#f5f6f6", "#1e2125") \
  X("bad", "#b3261e", "#ff8a80") \
  X("flow", "#0072b2", "#56b4e9") \
  X("p50", "#5b9fd0", "#2f7fb8") \
  X("p90", "#2f7fb8", "#56a5da") \
  X("p99", "#0b5a92", "#8fcbf2") \
  X("p999", "#08365c", "#d6ecfb") \
  X("max", "#777c82", "#8d939a") \
  X("connect", "#b35900", "#f0a04b") \
  X("close-wait", "#d55e00", "#ff7a1a") \
  X("last-ack", "#b9578f", "#e08cbc") \
  X("fin-wait", "#c98a00", "#e6b83c") \
  X("others", "#7a7f85", "#9aa0a6") \
  X("established", "#5aaee0", "#3f8fc4") \
  X("queued", "#aeb4ba", "#6b7279")

#define ON_WHITE(name, white, black) "--" name ":" white ";"
#define ON_BLACK(name, white, black) "--" name ":" black ";"
#define AREA(name) \
  "." name "{fill:var(--" name ");stroke:var(--" name ");background:var(--" name ")}"
#define LINE(name) ".line." name "{stroke:var(--" name ")}.key." name "{background:var(--" name ")}"

const char *const html_style[] = {
    ":root{color-scheme:light dark;" COLOURS(ON_WHITE) "}",
    "@media(prefers-color-scheme:dark){:root{" COLOURS(ON_BLACK) "}}",

    /* ---- text ---- */
    "*{box-sizing:border-box}",
    "body{margin:0;background:var(--back);color:var(--text);font-variant-numeric:tabular-nums}",
    "body{font:16px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}",
    "body{-webkit-text-size-adjust:100%;text-size-adjust:100%}",
    "main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}",
    "h1,h2,h3,p,dl,dd,figure,ul,pre{margin:0;padding:0}",
    "h1{font-size:28px;line-height:1.25;overflow-wrap:anywhere}",
    "h2{font-size:20px;margin:24px 0 16px;padding-top:16px;border-top:1px solid var(--rule)}",
    "h3{font-size:15px}",
    ".kicker,.subject,figcaption p,.note,dt,small{color:var(--quiet)}",
    ".kicker,.note,.keys,figcaption p,small,thead th,.figures dt{font-size:14px}",
    ".verdict,.note{max-width:44em}",
    ".note{margin:8px 0 16px}",
    ".bad dd,.bad th,.bad td,.verdict.bad{color:var(--bad);font-weight:700}",
    ".figures{display:grid;gap:16px;margin:24px 0 16px}",
    ".figures{grid-template-columns:repeat(auto-fit,minmax(124px,1fr))}",
    ".figures dd{font-size:22px;line-height:1.3;white-space:nowrap}",

    /* ---- figures ---- */
    "figure{min-width:0;margin-bottom:24px}",
    ".pair,.halves,.trio{display:grid;gap:0 32px;grid-template-columns:minmax(0,1fr)}",
    "@media(min-width:800px){",
    ".pair{grid-template-columns:minmax(0,3fr) minmax(0,2fr)}",
    ".halves{grid-template-columns:repeat(2,minmax(0,1fr))}",
    ".trio{grid-template-columns:repeat(3,minmax(0,1fr))}}",
    /* The plot is the outer svg; what is written beside it stands in this padding. */
    ".plot{padding:24px 18px 30px 60px}",
    ".named .plot{padding-right:52px}",
    ".plot svg{display:block;overflow:visible}",
    "text{font-size:12px;fill:var(--quiet)}",
    "text.x{text-anchor:middle}",
    "text.y,text.before{text-anchor:end}",
    "text.name{fill:var(--text)}",
    ".grid{stroke:var(--grid)}",
    ".axis,.tick{stroke:var(--quiet)}",
    ".mark{stroke:var(--text)}",
    ".level{stroke:var(--quiet);stroke-dasharray:5 4}",
    ".line,.area{stroke-linejoin:round;stroke-linecap:round;vector-effect:non-scaling-stroke}",
    ".line{fill:none;stroke-width:1.75}",
    ".area{stroke-width:1.25}",
    ".area.flow{fill:var(--flow);fill-opacity:.14}",
    ".line.max{stroke-dasharray:1 4}",
    LINE("flow"),
    LINE("p50"),
    LINE("p90"),
    LINE("p99"),
    LINE("p999"),
    LINE("max"),
    LINE("connect"),
    AREA("close-wait"),
    AREA("last-ack"),
    AREA("fin-wait"),
    AREA("others"),
    AREA("established"),
    AREA("queued"),
    ".error{fill:var(--bad);background:var(--bad)}",
    ".apart{fill:var(--text);fill-opacity:.05}",
    ".hint{fill:var(--text);fill-opacity:0}",
    ".hint:hover{fill-opacity:.09}",
    ".keys{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px}",
    ".key{display:inline-block;width:12px;height:12px;margin-right:7px}",

    /* ---- tables ---- */
    "div.wide{overflow-x:auto}",
    "table{border-collapse:collapse;font-size:15px}",
    "th,td{padding:6px 0 6px 28px;text-align:right;vertical-align:baseline;font-weight:400}",
    "th,td{white-space:nowrap;border-bottom:1px solid var(--rule)}",
    "th:first-child{padding-left:0;text-align:left;white-space:normal}",
    "thead th{color:var(--quiet)}",
    "th small{display:block;font-weight:400;max-width:36em}",
    "pre{overflow-x:auto;background:var(--card);padding:12px 16px}",
    "pre{font:14px/1.5 ui-monospace,'DejaVu Sans Mono',monospace}",
    ".settings{display:grid;grid-template-columns:max-content 1fr;gap:4px 24px}",
    ".settings{margin-top:16px;font-size:15px}",
    "summary{cursor:pointer;margin-top:32px}",
    "details div{margin-top:12px}",

    "@media(max-width:560px){",
    "main{padding:20px 16px 48px}",
    "h1{font-size:23px}",
    "text.other{display:none}",
    ".figures{grid-template-columns:repeat(2,1fr)}",
    "th,td{padding-left:16px}",
    /* A name takes a line of its own above its figures. */
    ".named,.named thead,.named tbody{display:block}",
    ".named tr{display:flex;flex-wrap:wrap;border-bottom:1px solid var(--rule)}",
    ".named th,.named td{flex:1;border:0;padding:2px 0}",
    ".named th:first-child{flex:0 0 100%;padding-top:8px}}",
    "@media print{figure,table{break-inside:avoid}}",
    NULL,
};
