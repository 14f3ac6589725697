"""What the terminal chat itself says, as opposed to the bot, in every language it speaks.

A word that is put in stands in braces. The table is the one source: `word` and the tests read it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from bot.replies import Language

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

WORDS: Mapping[str, Mapping[Language, str]] = {
    "greeting": {
        "en": "{name}. Type a message; /help lists the commands.",
        "zh": "{name}。请输入消息；输入 /help 查看命令。",
    },
    "again to leave": {"en": "Press Ctrl-C again to leave.", "zh": "再按一次 Ctrl-C 退出。"},
    "cancelled": {"en": "Cancelled.", "zh": "已取消。"},
    "error": {"en": "error: {what}", "zh": "出错：{what}"},
    "see trace": {"en": "(--debug shows the trace)", "zh": "（--debug 可显示详情）"},
    "no command": {
        "en": "There is no command /{name}. /help lists them.",
        "zh": "没有 /{name} 这个命令。输入 /help 查看命令。",
    },
    "no command but": {
        "en": "There is no command /{name}; did you mean /{close}? /help lists them.",
        "zh": "没有 /{name} 这个命令，您是想输入 /{close} 吗？输入 /help 查看命令。",
    },
    "no reply yet": {
        "en": "/{name} looks at the last reply; there is none yet.",
        "zh": "/{name} 针对上一条回复，现在还没有回复。",
    },
    "noted": {"en": "Noted, thank you.", "zh": "已记录，谢谢。"},
    "which intent": {"en": "Which one? /intent NAME", "zh": "哪一个？用法：/intent 名称"},
    "no intent": {"en": "There is no intent {name}.", "zh": "没有 {name} 这个意图。"},
    "no intent but": {
        "en": "There is no intent {name}; did you mean {close}?",
        "zh": "没有 {name} 这个意图，您是想输入 {close} 吗？",
    },
    "no source": {
        "en": "The reply quotes nothing and comes from no template.",
        "zh": "这条回复没有引用文档，也不是来自模板。",
    },
    "template": {"en": "template {name}", "zh": "模板 {name}"},
    "passage": {"en": "passage {id}", "zh": "段落 {id}"},
    "may ask": {"en": "You may also ask: {what}", "zh": "您还可以问：{what}"},
    "many lines": {
        "en": 'Alt-Enter starts a new line; a message between """ and """ may have many.',
        "zh": '按 Alt-Enter 换行；写在 """ 和 """ 之间的消息可以有多行。',
    },
    "no sessions": {"en": "There is no earlier session.", "zh": "还没有以前的会话。"},
    "which session": {
        "en": "Which one? /resume ID; /sessions lists them.",
        "zh": "哪一个？用法：/resume 编号；输入 /sessions 查看。",
    },
    "no session": {
        "en": "There is no session {id}; /sessions lists what there is.",
        "zh": "没有编号为 {id} 的会话；输入 /sessions 查看。",
    },
    "turn": {"en": "{count} turn", "zh": "{count} 轮"},
    "turns": {"en": "{count} turns", "zh": "{count} 轮"},
    "more sessions": {
        "en": "the latest {count}; `frontdesk log show` reads any of them",
        "zh": "最近 {count} 个；用 `frontdesk log show` 可查看任意一个",
    },
    "resumed": {
        "en": "Session {id} goes on after its turn {count}.",
        "zh": "继续会话 {id}，之前有 {count} 轮。",
    },
    "you said": {"en": "you: {what}", "zh": "您：{what}"},
    "other model": {
        "en": "The model has changed since then: what was said was read again by the new one.",
        "zh": "此后模型已更换：之前的对话已由新模型重新读取。",
    },
    "forgotten": {
        "en": "What the bot knew then is not kept: it may ask for it again.",
        "zh": "当时了解到的信息没有保存，可能会再次询问。",
    },
    "new session": {"en": "A new session begins.", "zh": "新的会话开始了。"},
    "which language": {
        "en": "English. /language zh 切换为中文。",
        "zh": "中文。/language en switches to English.",
    },
    "language": {"en": "English it is.", "zh": "好的，用中文。"},
    "not remembered": {
        "en": "It holds for this chat only: {file} cannot be written.",
        "zh": "仅对本次聊天有效：{file} 无法写入。",
    },
    # /state
    "knows": {"en": "known", "zh": "已知"},
    "waits for": {"en": "waiting for", "zh": "等待"},
    "interrupted": {"en": "interrupted", "zh": "被打断"},
    "unanswered": {"en": "unanswered in a row", "zh": "连续未答"},
    "upset": {"en": "upset in a row", "zh": "连续不满"},
    "said so far": {"en": "answered with", "zh": "已用模板"},
    "articles shown": {"en": "articles shown", "zh": "已引文档"},
    "a choice": {"en": "a choice of {what}", "zh": "从 {what} 中选择"},
    "a yes or no": {"en": "a yes or no to {what}", "zh": "对 {what} 的确认"},
    "nothing": {"en": "Nothing yet.", "zh": "还没有。"},
    # /why
    "understood": {
        "en": "Understood as {intent}, {sure} sure; {needed}; {runner_up}.",
        "zh": "理解为 {intent}，把握 {sure}；{needed}；{runner_up}。",
    },
    "not understood": {
        "en": "No intent was read: the model has learnt none.",
        "zh": "没有识别意图：模型尚未学过意图。",
    },
    "needs": {"en": "an answer needs {share}", "zh": "直接回答需要 {share}"},
    "needs more": {
        "en": "no certainty is known to be enough to answer by it",
        "zh": "没有经过验证、足以据此回答的把握",
    },
    "next is": {"en": "the next is {intent} with {share}", "zh": "其次是 {intent}，{share}"},
    "no next": {"en": "there is no other", "zh": "没有其他"},
    "decided": {
        "en": "Decided: {what}, because {rule} ({name}).",
        "zh": "决定：{what}，因为{rule}（{name}）。",
    },
    "part": {"en": "Request {number}", "zh": "第 {number} 个请求"},
    "slots known": {"en": "known", "zh": "已知"},
    "slot asked": {"en": "asked for", "zh": "正在询问"},
    "found": {"en": "found", "zh": "识别到"},
    "part upset": {"en": "upset turns", "zh": "不满轮数"},
    "part offers": {"en": "offers a person", "zh": "提出转人工"},
    "part follows": {"en": "follows up", "zh": "接着"},
    "sounds": {"en": "sounds", "zh": "语气"},
    "took": {"en": "took", "zh": "用时"},
    "way": {"en": "way", "zh": "途径"},
    "candidate": {"en": "candidate", "zh": "候选"},
    "score": {"en": "score", "zh": "分数"},
    "needed": {"en": "needed", "zh": "需要"},
    "by intent": {"en": "intent", "zh": "意图"},
    "by template": {"en": "template", "zh": "模板"},
    "by passage": {"en": "passage", "zh": "段落"},
    "not certified": {"en": "not certified", "zh": "未验证"},
}  # fmt: skip

KINDS: Mapping[str, Mapping[Language, str]] = {
    "template": {"en": "template", "zh": "模板"},
    "passages": {"en": "passages", "zh": "引用文档"},
    "ask": {"en": "ask", "zh": "询问"},
    "clarify": {"en": "clarify", "zh": "请客户选择"},
    "handoff": {"en": "handoff", "zh": "转人工"},
    "smalltalk": {"en": "smalltalk", "zh": "寒暄"},
    "unknown": {"en": "unknown", "zh": "不知道"},
    "several": {"en": "several", "zh": "几个请求"},
}


RULES_IN_CHINESE: Mapping[str, str] = {
    "unreadable": "消息里没有文字或数字",
    "handed-over": "已经请了同事，不再抢着回答",
    "wants-person": "客户要求转人工",
    "several": "一条消息里有几个请求",
    "repeated": "客户想再听一遍",
    "repaired": "客户取消、跳过、重来、继续，或说已经讲过",
    "corrected": "客户更正了之前给的信息",
    "confirmed": "客户确认了所读的内容",
    "declined": "客户否定了所读的内容",
    "slot-filled": "消息回答了所问的信息",
    "slot-refused": "所给的信息没有通过检查",
    "choice-picked": "消息选了其中一项",
    "follow-up": "消息接着上一个问题",
    "intent-certain": "最可能的意图达到了门槛",
    "small-talk": "最可能的意图是寒暄，把握足以客气回应",
    "courtesy": "问候、感谢、道别之类，没有模板可用",
    "passage-certain": "最佳段落达到了门槛",
    "slot-unfilled": "消息没有回答所问的信息",
    "template-certain": "排名第一的模板达到了门槛",
    "too-close": "几个意图合起来把握足够，但单个都不够",
    "perhaps": "没有一项达到门槛，但可能是其中之一",
    "unknown-twice": "连续第二次没有一项达到门槛",
    "unknown": "没有一项达到门槛",
}
"""The rules of `bot.dialogue.RULES`, which has them in English."""


def word(sentence: str, language: Language, /, **put_in: object) -> str:
    """One of the sentences, with what belongs into it. A text that is put in is never read as one.

    >>> word("no intent", "en", name="{close}")
    'There is no intent {close}.'
    """
    return WORDS[sentence][language].format(**put_in)


def remembered(file: Path | None, otherwise: Language) -> Language:
    """The language of the last chat here; `otherwise` where there was none or it cannot be read."""
    try:
        text = file.read_text(encoding="ascii").strip() if file else ""
    except (OSError, ValueError):
        return otherwise
    return next((language for language in LANGUAGES if language == text), otherwise)


def remember_language(file: Path, language: Language) -> bool:
    """Keep it for the next chat, readable by its owner alone. False where it cannot be kept."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        made = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(made, "w", encoding="ascii") as out:
            out.write(f"{language}\n")
        temporary.rename(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        return False
    return True
