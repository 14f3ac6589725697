"""Where lines of Chinese are broken."""

import pytest
from rich.cells import cell_len

from bot.terminal.line_breaks import broken

REPLY = (
    "- 订单 CY20250101 的当前进度，在「我的订单」里点「查看物流」就能看到，"
    "每 2 小时更新（含周末）。 [1]"
)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("请问有什么可以帮您？", 20, ["请问有什么可以帮您？"]),
        ("请问有什么可以帮您？", 18, ["请问有什么可以帮", "您？"]),  # no mark alone
        ("请在「我的订单」看", 6, ["请在", "「我的", "订单」", "看"]),  # no bracket left behind
        ("订单 CY20250101 的当前进度", 19, ["订单 CY20250101 的", "当前进度"]),
        ("优惠券 · 推荐茶叶", 14, ["优惠券 ·", "推荐茶叶"]),
        ("见 https://x.example/a?b=c 。", 8, ["见", "https://x.example/a?b=c", "。"]),
        ("一\n\n  二", 2, ["一", "", "  二"]),
        ("no Chinese, no business of ours", 5, ["no Chinese, no business of ours"]),
    ],
)
def test_lines(text: str, width: int, lines: list[str]) -> None:
    assert broken(text, width).split("\n") == lines


@pytest.mark.parametrize("width", range(18, 80))
def test_lines_are_full_and_nothing_is_lost(width: int) -> None:
    lines = broken(REPLY, width).split("\n")
    assert "".join(lines).replace(" ", "") == REPLY.replace(" ", "")
    assert all(cell_len(line) <= width for line in lines)
    assert all(cell_len(line) > width - 18 for line in lines[:-1])
    assert not any(line[0] in "，。」）" or line[-1] in "「（" for line in lines)
