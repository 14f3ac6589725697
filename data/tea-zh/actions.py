"""示例机器人除了说话还会做的事。真实的店铺会在这里查询自己的订单系统。"""

SENT = frozenset({"CY20250001", "CY20250318"})
"""已经发出的订单。"""


def order_number(value: str) -> str:
    """order_id 的 validate：统一成大写，并检查号码是否可能存在。"""
    number = value.upper()
    if number == "CY00000000":
        raise ValueError("没有 CY00000000 这个订单。")
    return number


def cancel_order(slots: dict[str, str]) -> None:
    """动作 cancel_order：抛出任何异常都算失败，机器人会如实告诉顾客。"""
    if slots["order_id"] in SENT:
        raise LookupError("订单已经发出")
