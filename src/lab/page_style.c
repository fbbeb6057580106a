/* SPDX-License-Identifier: MIT
 *
 * The page's style. The states' colours are those of Okabe and Ito, which are told apart by every
 * eye.
 */
#include "lab/page_part.h"

/* X(name, on white, on black) */
#define COLOURS(X) \
  X("back", "#ffffff", "#15171a") \
  X("text", "#1b1d1f", "#e6e7e8") \
  X("quiet", "#5b6066", "#a3a9af") \
  X("rule", "#d9dcdf", "#3a3f45") \
  X("card", "#f5f6f6", "#1e2125") \
  X("bad", "#b3261e", "#ff8a80") \
  X("good", "#00694b", "#4fd0a5") \
  X("data", "#0072b2", "#56b4e9") \
  X("fin", "#a86400", "#e6b83c")

/* X(name, on white, on black): text upon them is dark. */
#define STATES(X) \
  X("syn", "#7fd0b5", "#3fae8a") \
  X("established", "#8cc8ee", "#5aaee0") \
  X("close-wait", "#f08a3c", "#ff7a1a") \
  X("last-ack", "#dc9cc4", "#d183b4") \
  X("fin-wait", "#f0cf6a", "#e6b83c") \
  X("closing", "#b9a6e3", "#a48ddb") \
  X("time-wait", "#c9cdd1", "#9aa0a6") \
  X("listen", "#dfe3e6", "#7d848b")

#define ON_WHITE(name, white, black) "--" name ":" white ";"
#define ON_BLACK(name, white, black) "--" name ":" black ";"
#define STATE(name, white, black) "." name "{fill:var(--" name ");background:var(--" name ")}",

const char *const page_style[] = {
    ":root{color-scheme:light dark;" COLOURS(ON_WHITE) STATES(ON_WHITE) "}",
    "@media(prefers-color-scheme:dark){:root{" COLOURS(ON_BLACK) STATES(ON_BLACK) "}}",
    "*{box-sizing:border-box}",
    "body{margin:0;background:var(--back);color:var(--text);font-variant-numeric:tabular-nums}",
    "body{font:16px/1.5 system-ui,'Segoe UI',Roboto,'DejaVu Sans','Noto Sans CJK SC',sans-serif}",
    "body{-webkit-text-size-adjust:100%;text-size-adjust:100%}",
    "main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}",
    "h1,h2,h3,p,ul,dl,dd,figure,pre{margin:0;padding:0}",
    "h1{font-size:28px;line-height:1.25;overflow-wrap:anywhere}",
    "h1 small{display:block;font-size:18px;font-weight:400;color:var(--quiet)}",
    "h2{font-size:20px;margin:32px 0 12px;padding-top:16px;border-top:1px solid var(--rule)}",
    "h3{font-size:15px;margin:16px 0 8px}",
    ".kicker,.note,.keys,thead th,small{font-size:14px;color:var(--quiet)}",
    ".note{max-width:46em;margin-bottom:12px}",
    ".cause{background:var(--card);border-left:5px solid var(--close-wait);padding:14px 18px}",
    ".cause{margin-top:20px}",
    ".cause.none{border-color:var(--good)}",
    ".cause strong{display:block;font-size:19px;line-height:1.35}",
    ".cause p{margin-top:4px}",
    ".cause ul{margin:8px 0 0 1.2em;font-size:15px}",
    ".cause .also{color:var(--quiet);font-size:14px;margin-top:8px}",
    "table{border-collapse:collapse;font-size:15px;width:100%}",
    "th,td{padding:6px 12px 6px 0;text-align:left;vertical-align:baseline}",
    "th,td{border-bottom:1px solid var(--rule);font-weight:400}",
    "td.verdict{white-space:nowrap;width:7em}",
    "td.number{text-align:right;width:6em}",
    "code,pre{font:14px/1.5 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}",
    "pre{overflow-x:auto;background:var(--card);padding:12px 16px;white-space:pre-wrap}",
    ".holds{color:var(--good)}",
    ".fails{color:var(--bad);font-weight:700}",
    ".open{color:var(--quiet)}",
    ".keys{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0}",
    ".key{display:inline-block;width:12px;height:12px;margin-right:6px}",
    "summary{cursor:pointer;font-weight:700;margin:12px 0}",
    "svg{display:block;max-width:100%}",
    "svg text{font-size:12px;fill:var(--text)}",
    "svg text.quiet{fill:var(--quiet)}",
    "svg text.mono{font-family:ui-monospace,'DejaVu Sans Mono',monospace}",
    "svg text.bad{fill:var(--bad)}",
    "svg text.head{font-weight:700;font-size:13px}",
    "svg tspan.quiet{font-weight:400;fill:var(--quiet)}",

    /* ---- the sequence ---- */
    ".scroll{overflow-x:auto}",
    ".scroll svg{min-width:640px}",
    ".arrow{stroke:var(--quiet);stroke-width:1.4;fill:none}",
    ".arrow.data{stroke:var(--data)}",
    ".arrow.fin{stroke:var(--fin);stroke-width:2}",
    ".arrow.bad{stroke:var(--bad);stroke-width:2}",
    ".arrow.lost{stroke-dasharray:5 4}",
    ".arrow.faint{stroke-opacity:.25}",
    ".tip{fill:var(--quiet)}.tip.data{fill:var(--data)}.tip.fin{fill:var(--fin)}",
    ".tip.bad{fill:var(--bad)}",
    ".pause{stroke:var(--rule);stroke-dasharray:2 5}",
    ".life{stroke:var(--rule)}",
    ".inferred{font-style:italic;fill:var(--quiet)}",

    /* ---- the states ---- */
    ".halves{display:grid;gap:24px;grid-template-columns:minmax(0,1fr)}",
    "@media(min-width:760px){.halves{grid-template-columns:repeat(2,minmax(0,1fr))}}",
    ".box{fill:var(--card);stroke:var(--rule)}",
    ".box.been{stroke:var(--text)}",
    STATES(STATE) "svg text.on{fill:#17191b}",
    ".box.last{stroke-width:3}",
    ".way{stroke:var(--rule);stroke-width:1.2;fill:none}",
    ".way.been{stroke:var(--text);stroke-width:2.4}",
    ".way.short{stroke-dasharray:6 4}",
    ".point{fill:var(--rule)}.point.been{fill:var(--text)}",
    "svg text.never{fill:var(--quiet)}",

    /* ---- bars ---- */
    ".bars{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 12px}",
    ".bars{align-items:center;font-size:13px}",
    ".bars svg{height:22px;width:100%;overflow:visible}",
    ".bars svg.axis{height:20px}",
    ".bars .left{text-align:right}",
    ".curve{fill:none;stroke:var(--data);stroke-width:2;vector-effect:non-scaling-stroke}",
    ".curve.bad{stroke:var(--bad)}",
    ".tick{stroke:var(--quiet)}",
    "@media(max-width:560px){main{padding:20px 14px 48px}h1{font-size:23px}}",
    "@media print{figure,table{break-inside:avoid}}",
    NULL,
};
