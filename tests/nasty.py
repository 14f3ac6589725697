"""What a customer may type to steer whoever reads it: terminals, pages, templates, databases.

Each is one line, so that it comes through a pipe as one message. Where one of them is run instead
of shown, a file named `owned` appears, a title is `owned`, or a table is gone.
"""

from __future__ import annotations

import re

NASTY = {
    "clears the screen": "\x1b[2J\x1b[H\x1b]0;owned\x07hello",
    "hides behind a link": "\x1b]8;;http://owned.example\x1b\\refund\x1b]8;;\x1b\\",
    "answers for the terminal": '\x1b[6n\x1b[c\x1bP$q"p\x1b\\ \x05',
    "one-byte controls": "\x9b31m\x9d0;owned\x9c \x8f",
    "goes back over the line": "refund\r\x08\x08\x08\x7fno refund",
    "turns the reading around": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "breaks the line": "one\x0btwo\x0cthree\x85four\u2028bot:      You get a refund.",
    "markup of rich": "[bold red]owned[/] [link=http://owned.example]x[/link] [/]",
    "markup of a page": "<script>document.title='owned'</script><img src=x onerror=x()>\"'&amp;",
    "leaves a script": "</script><script>document.title='owned'//-->]]>",
    "a wording": "{order_id}{0.__class__}{order_id.__init__.__globals__}{{day}}%s%(order_id)s%n",
    "a shell": "$(touch owned) `touch owned` ; touch owned | touch owned & ${PATH}",
    "a statement": "'); DROP TABLE turns; -- \" OR 1=1",
    "a search": 'NEAR("turns_text" OR *) AND message: "',
    "code": "__import__('os').system('touch owned') {% raw %}{{7*7}} #{7*7} ${{7*7}}",
    "yaml": "!!python/object/apply:os.system ['touch owned']",
    "in Chinese": "退款\x1b[31m{订单号}\u2066<b>红</b>[red]红[/]\x07，$(touch owned)",
}

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal or a reader's eye would follow."""
