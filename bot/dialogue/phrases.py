"""What a message does to the conversation, rather than asks of it, read from its words.

    cancel  skip  lacks  repeat  restart  resume             acts on what is going on
    told  misheard  person                                   says that it goes wrong
    greeting  thanks  goodbye  capabilities  opener          courtesy
    yes  no                                                  answers what the bot offered

A table of phrases, English and Chinese, each of which must be the whole message but for polite
words around it. A message that says more than that is left to the model: "cancel" is a phrase here,
"cancel my order" is a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Literal, get_args

from bot.dialogue.short_answers import PERSON_WORDS, words
from bot.scripts import HAN

Act = Literal[
    "cancel", "skip", "repeat", "restart", "resume", "told", "misheard", "person", "lacks",
    "greeting", "thanks", "goodbye", "capabilities", "opener", "yes", "no",
]  # fmt: skip
ACTS: tuple[Act, ...] = get_args(Act)

LONGEST = 120
"""Letters and digits of a message that is looked at; a longer one says more than a phrase."""
CLAUSES = 3
"""Phrases in one message: "that's all, thanks, bye"."""

_BEFORE = (
    "ok", "okay", "well", "so", "oh", "ah", "um", "hmm", "hey", "hi", "hello", "sorry", "please",
    "actually", "wait", "no", "but", "and", "then", "just", "alright", "right", "great", "perfect",
    "good", "fine", "cool", "look", "listen", "excuse me", "good morning", "good afternoon",
    "good evening", "好的", "好", "那", "那就", "嗯", "哦", "那么", "你好", "您好", "请", "麻烦",
    "请问", "不好意思", "抱歉", "对不起", "等等",
)  # fmt: skip
_AFTER = (
    "please", "now", "then", "mate", "instead", "anyway", "thanks", "dear", "sir", "madam", "ok",
    "okay", "sorry", "for now", "thank you", "thanks a lot", "thank you very much",
    "thank you so much",
    "吧", "啊", "呀", "呢", "了", "哦", "哈", "啦", "吗", "谢谢", "好吗", "可以吗", "行吗",
    "谢谢你", "谢谢您",
)  # fmt: skip
"""Polite words that change nothing about what is said after or before them."""

# Patterns over folded words: an apostrophe is a space there, and Chinese has no spaces.
_LET = r"(?:(?:can|could) (?:i|we) |let s |lets |i want to |i d like to |let me )?"
_IT = r"(?:that|this|it)"
_WRONG = rf"{_IT}(?: is| s) (?:wrong|not (?:right|true|correct)|incorrect|nonsense)"
_FACT = (
    r"(?:(?:my|the|an?|any|your|what (?:my|the)) )?"
    r"(?:(?:order|tracking|customer|account|confirmation|invoice|phone|exact|article|serial) )*"
    r"(?:numbers?|id|code|e ?mail(?: address)?|address|name|size|product|details|reference)(?: is)?"
)
_FACT_ZH = (
    r"(?:我的|这个|那个|什么|是)*(?:订单|物流|快递|手机|会员)?"
    r"(?:号码?|编号|单号|邮箱|地址|尺码|电话)"
)
_PHRASES: Mapping[Act, tuple[str, ...]] = {
    "cancel": (
        rf"cancel(?: (?:{_IT}|the request|my request))?",
        rf"never ?mind(?: (?:about )?{_IT})?|nvm",
        rf"forget (?:about )?{_IT}|(?:stop|drop|scratch|leave) {_IT}|stop|abort|quit",
        r"i(?: ve| have)? changed my mind|(?:it s |that s )?no longer needed",
        r"(?:i )?(?:don t|do not|no longer) (?:need|want) (?:an? |the |your )?"
        r"(?:agent|human|person|colleague|operator)(?: any ?more)?",
        r"(?:我)?不(?:用|要|需要|必)(?:再)?(?:转|找|叫|等)?(?:人工|真人|同事|客服)(?:客服)?(?:来)?了?",
        r"不用了?|不要了|不必了|算了(?:吧|不用了?)?|取消(?:吧|掉)?|停(?:下|止)?",
        r"当我没[说问]|不[问说弄办]了|我?(?:改主意|改变主意)了|别[管弄]了",
    ),
    "skip": (
        rf"{_LET}skip(?: (?:{_IT}|this one|that one|(?:this|that) (?:question|step)))?",
        rf"pass|next(?: (?:one|question))?|leave (?:{_IT} )?(?:blank|empty)",
        r"(?:先|可以|能)?(?:跳过|略过)(?:这个|这一?[步题项]|它)?|下一[个题项步]",
        r"先?不填|留空|空着",
    ),
    "repeat": (
        rf"(?:(?:can|could|would|will) you )?(?:please )?(?:repeat|say)(?: {_IT})?(?: again)?",
        r"(?:can|could) you repeat (?:what you (?:just )?said|yourself|the question)",
        r"what did you (?:just )?(?:say|ask)|come again|(?:i )?beg your pardon|pardon(?: me)?",
        r"what was (?:that|the question|your question)(?: again)?",
        r"i (?:didn t|did not) (?:catch|hear|get) that",
        r"请?[你您]?(?:能|可以)?请?再[说讲问发]一?[遍次下]|请?重复一?[遍次下]|我?没[听看](?:清楚?|到)",
        r"[你您]?刚[才刚]?[说问](?:的是|了|的)?[什啥]么?(?:来着)?|[你您][说问](?:什么|啥)",
    ),
    "restart": (
        rf"{_LET}(?:start|begin)"
        r" (?:over|again|afresh|from scratch|(?:again )?from the (?:start|beginning))(?: again)?",
        r"restart(?: (?:the |this )?(?:chat|conversation|session))?",
        r"reset (?:the |this )?(?:chat|conversation)",
        r"我?们?(?:重新|从头)(?:开始|来过?)(?:一[遍次])?|重来(?:一[遍次])?",
        r"重新对话|重启对话|清空对话",
    ),
    "resume": (
        rf"{_LET}(?:continue|go on|carry on|resume|proceed)(?: with {_IT})?|where were we",
        rf"{_LET}(?:go )?back to (?:{_IT}|before|what we were doing)",
        rf"{_LET}(?:go )?back to (?:the|my) (?:first|other) (?:one|thing|question)",
        r"我?们?请?(?:继续|接着(?:来|说|办)?)(?:刚才的)?|(?:刚才|之前)[说讲]到哪",
        r"我?们?(?:回到|接着)(?:刚才|之前|前面)(?:的|那个)?(?:问题|事)?",
    ),
    "told": (
        r"(?:but |like |as )?i(?: ve| have)?(?: just| already)*"
        r" (?:told you|said|(?:gave|given|sent|provided|mentioned|wrote|answered) (?:you|it|that))"
        rf"(?: (?:that|it|this|so|to you|you|{_FACT}))*(?: (?:already|before|above|twice))*",
        r"(?:you )?already (?:told you|have (?:it|that))|(?:see|look) (?:above|up)|it s above",
        r"you(?: just| already)* asked (?:me )?(?:that|this)(?: already)?",
        r"我?(?:不是)?(?:刚才|刚刚|之前|前面|上面|已经|早就|都)+(?:不是|就)?(?:已经)?(?:跟|和)?[你您]?们?"
        r"(?:说|讲|告诉|发|给|提供|写|回答)[过了]?[你您]?们?[过了]*吗?",
        r"我[说讲发给]过?[你您]?[过了]+的?|我告诉过[你您]|(?:就?在|看)[上前]面|上面(?:有|写了)",
    ),
    "misheard": (
        r"(?:that|this|it)(?: is| s| was)?(?: not|n t)"
        r" (?:what i (?:asked|meant|mean|said|want(?:ed)?|was asking)(?: for| about)?(?: you)?"
        r"|my question|an answer|the answer)",
        _WRONG,
        rf"i (?:didn t|did not) (?:ask|mean|say)(?: for| about)? {_IT}",
        rf"(?:{_IT}|you) (?:doesn t|does not|didn t|did not|don t|do not)"
        r" (?:answer (?:my|the) question|help(?: me)?)",
        r"you (?:still |just )?(?:don t|do not|didn t|did not) (?:understand|get it|listen|get me)"
        r"(?: me| my question| what i mean)?",
        r"you(?: re| are) not (?:listening|understanding|answering)(?: to)?(?: me| my question)?",
        r"you(?: ve| have)? misunderstood(?: me| my question)?|wrong answer",
        r"我(?:想|要)?[问说指要]的(?:并)?不是(?:这个|这|那个)|(?:这|那)?(?:并)?不是我(?:想|要)?[问说要]的(?:问题)?",
        r"(?:我)?不是(?:这个|那个)意思|答非所问|没有?(?:回答|解决)我?的?问题",
        r"[你您](?:根本|还是|都)*(?:没|没有|听不|看不|不)[听看]?(?:懂|明白|理解)我?的?(?:意思|问题|话)?",
        r"[你您](?:理解|搞|弄|听|看)错|(?:还是|仍然|这也|也)不[对是]",
    ),
    "lacks": (
        r"(?:i (?:(?:really|just) )?)?(?:don t|do not|can t|cannot)"
        rf" (?:know|have|remember|recall|find)(?: (?:{_IT}|one|{_FACT}))?"
        r"(?: (?:any ?more|yet|right now|with me|at hand|here|off hand))?",
        rf"i(?: ve| have)? (?:lost|forgot|forgotten|deleted|misplaced) (?:{_IT}|{_FACT})",
        rf"i have no (?:idea|clue|{_FACT})|no (?:idea|clue)|dunno|idk|(?:i m )?not sure",
        r"我?(?:现在|也|真的|确实)*(?:不知道|不清楚|不记得|记不[得清住]|想不起来?|找不[到着]|没有?|忘记?|弄?丢)了?"
        rf"(?:{_FACT_ZH})?了?",
    ),
    "greeting": (
        r"hi|hiya|hello|hey|(?:hey|hi|hello) there|howdy|greetings|start",
        r"(?:good )?(?:morning|afternoon|evening|day)|(?:anyone|anybody|are you) there",
        r"(?:你|您|你们|大家)好[啊呀]?|在[吗不么嘛]|有人[吗么]|有人在吗|哈[喽罗啰]|嗨|[早晚下中]午?上?[好安]|早",
    ),
    "thanks": (
        r"(?:many |much |great )?(?:thanks|thank you|thankyou|thank u|thx|ty|cheers|tysm)"
        r"(?: (?:a lot|a million|so much|very much|a bunch|again|for (?:your|the|all your|all the) "
        r"(?:help|time|assistance|support|info|information)|for (?:helping|that)))*",
        r"(?:i )?(?:really )?appreciate (?:it|that|your help)|that help(?:s|ed)|great help",
        r"(?:that|this|you)(?: was| is| s| re| ve been)? (?:very |really |so )?(?:helpful|great)",
        r"(?:非常|十分|太|很|多)?(?:感谢|谢谢|多谢|谢了|谢啦|辛苦)[你您]?们?(?:了|啦|的帮助|的帮忙|的解答)?",
    ),
    "goodbye": (
        r"(?:good ?)?bye(?: ?bye)?|see (?:you|ya)(?: (?:later|soon|around))?|farewell|take care",
        r"(?:have|enjoy) (?:a |the |your )?(?:(?:very )?(?:nice|good|great|lovely|wonderful) )?"
        r"(?:day|one|evening|weekend|night|rest of your day)(?: too| as well| ahead)?|good night",
        r"(?:that|this)(?: s| is| will be| would be|ll be| was) (?:all|it|everything)"
        r"(?: (?:i need(?:ed)?|i wanted|for (?:now|today)|from me))*",
        r"nothing (?:else|more)(?: (?:for )?(?:now|today))?|i m (?:all )?(?:good|set|done|fine)",
        r"再见|拜拜?|回头见|下次见|晚安|祝[你您]?(?:生活|工作)?(?:愉快|顺利)|就这[样些]|暂时没有?了?",
        r"没有?(?:别的|其[他它]的?|什么)?(?:问题|事)?了?",
    ),
    "capabilities": (
        r"help|menu|(?:show|list|give) (?:me )?(?:the |your |my )?(?:menu|options|topics)",
        r"what (?:can|do|could) you (?:do|help(?: me)?(?: with)?|answer|know)"
        r"(?: (?:for me|about|here))*|how (?:can|do) you help(?: me)?",
        r"what (?:can|may|could) i ask(?: you)?(?: about| here)*",
        r"what (?:else )?are you (?:able to do|capable of|for)",
        r"[你您]都?[能会可]以?(?:帮我)?(?:做|干|帮|办|回答|查|解决)[我些点]?(?:什么|啥|哪些)(?:忙|问题|事情?)?",
        r"我?(?:需要|想要)(?:一?些|一?点)?(?:帮助|帮忙)|帮(?:帮|一下)?(?:我|忙)|我?(?:想|要)?(?:问|咨询)(?:一?下|个?问题)"
        r"|我有个?(?:问题|事)",
        r"[你您]?有(?:什么|哪些)(?:功能|服务|用)|(?:能|可以)(?:做|问)些?(?:什么|啥|哪些)|帮助|菜单|功能(?:列表)?",
    ),
    "opener": (
        r"help me|(?:i )?need (?:some |your |a (?:bit|little) of )?(?:help|assistance)",
        r"(?:(?:can|could|would|will) you |are you able to )(?:please )?help(?: me)?"
        r"(?: with something)?",
        r"(?:can|could|may) i ask(?: you)?(?: (?:something|a question))?",
        r"i (?:have|ve got|got) (?:an? |another |one more )?(?:quick |small )?"
        r"(?:question|problem|issue|request)",
        r"我?(?:需要|想要)(?:一?些|一?点)?(?:帮助|帮忙)|帮(?:帮|一下|个忙)?(?:我|忙)?|[你您]?能帮(?:帮|一下)?我?(?:个忙)?",
        r"我?(?:想|要|能|可以)?(?:问|咨询|请教)(?:一?下|一?[个下]?问题|[你您]个?问题)",
        r"我?还?有一?个?(?:小)?(?:问题|事)(?:想问|要问)?",
    ),
    "yes": (
        r"yes|yeah|yep|yup|y|sure|ok|okay|alright|all right|correct|right|exactly|definitely",
        r"absolutely|of course",
        r"yes (?:please|sure|do|of course)|please do|do it|go ahead|sounds good|i would|i do",
        r"(?:that s |that is |you re )?(?:right|correct|fine)|i (?:just )?said (?:yes|ok|okay)",
        r"是[的啊呀]?|对[的啊呀]?|好[的啊呀吧]?|可以的?|行|嗯+|没错|要的?|需要|当然|确认|没问题",
    ),
    "no": (
        r"no+|n|nope|nah|no thanks|no thank you|not (?:now|yet|really|necessary|needed)|wrong",
        r"(?:please )?don t|i don t|no need|no (?:that|it) s (?:ok|okay|fine|wrong)|no not now",
        r"i (?:just )?said no",
        r"(?:none|neither|no one|not one|not any)(?: of (?:these|those|them|the above|that))?",
        _WRONG,
        r"(?:都|全|这些都|以上都)(?:不是|没有|不对)|不(?:是|对|行|要|用|需要|必)?[的了]?|我说了?不|没有|别|先不[用要]?|暂时不(?:用|要|需要)?",
    ),
}

# --- a person ------------------------------------------------------------------------------------

_KIND = (
    r"(?:an? |the |any |some |another |your |one of your |my )?"
    r"(?:(?:real|live|actual|human|proper|customer|service|support|care|sales|technical) )*"
)
_HUMAN = (
    rf"{_KIND}(?:human(?: being)?|person|people|agent|representative|rep|operator|advis[eo]r"
    r"|colleague|manager|supervisor|specialist|employee|staff(?: member)?|team member|support team"
    r"|member of (?:your )?(?:staff|team)|customer (?:service|support|care))"
)
_WHO = (
    rf"(?:{_HUMAN}|someone|somebody|anyone)"
    r"(?: (?:real|else|human|there|from (?:your|the) (?:team|support|company)))?"
)
_MORE = r"(?: (?:directly|today|here|(?:who can|who could|to) help(?: me)?|about .{1,60}))?"
_TALK = (
    r"(?:speak|talk|chat|get in touch|be (?:connected|transferred|put through)|get through|connect)"
)
_MAY = (
    r"(?:(?:can|could|may|might) (?:i|we)(?: please)?(?: just)?|let me|is it possible"
    r"|(?:i|we)(?: d| would)?(?: just| really)? (?:want|need|like|wish|prefer|have|wanna|must)"
    r"|how (?:can|do|could) i|is there (?:a|any) way)"
)
_PERSON = (
    *PERSON_WORDS,
    rf"(?:{_MAY} )?(?:to )?(?:just )?{_TALK} (?:to|with) {_WHO}{_MORE}",
    r"(?:(?:can|could|would|will) you )?(?:please )?(?:just )?"
    r"(?:transfer|connect|hand|pass|forward|put|switch|escalate) (?:me|this|us)"
    rf"(?: (?:over|on|through))? (?:to|with) {_WHO}{_MORE}",
    rf"(?:(?:can|could|would) you )?(?:get|give|find|bring) me {_HUMAN}{_MORE}",
    r"(?:i|we)(?: d| would)?(?: just)? (?:want|need|like|prefer|demand) (?:to have )?an? "
    r"(?:(?:real|live|actual|human) )*(?:human(?: being)?|person|agent|representative|rep|operator)"
    r"(?: (?:to help(?: me)?|not an? (?:bot|robot|machine)))?",
    r"i (?:do not|don t) want (?:to )?(?:talk|speak|chat) (?:to|with) (?:a |the |this )?"
    r"(?:ro)?(?:bot|machine|computer)",
    r"(?:real|live|actual) (?:human|person|agent)|(?:human|live) (?:agent|support|help)",
    r"(?:请|麻烦|能不能|能否|可不可以|可以|能|要|想要?|需要|给|帮|直接|快|赶紧|有没有|有|[你您我])*"
    r"(?:转接?|接|找|换|联系|叫|跟|和)?一?[下个位名]?[到给成个位]?"
    r"(?:人工|[真活]人|人工客服|真人客服|客服[人专]员|人工坐席|客服经理|你们经理|你们主管)(?:客服|服务)?"
    r"(?:来|处理|说话?|聊|沟通|帮我|帮忙|解决|回答|接听|讲)*",
    r"(?:请|麻烦|能不能|可以|能|要|想|需要|给|帮|直接|[你您我])+(?:转接?|找|换|联系|叫)一?[下个位名]?[给到]?"
    r"(?:客服|同事|专员|经理|主管|负责人)(?:来|处理|说|聊|沟通|帮我)*",
)


def act_of(text: str) -> Act | None:
    """What a message does; None where it says something else, or more.

    >>> act_of("Never mind, thanks!"), act_of("算了吧"), act_of("cancel my order")
    ('cancel', 'cancel', None)
    """
    found = acts_of(text)
    return found[0] if found else None


@lru_cache(maxsize=256)
def acts_of(text: str) -> tuple[Act, ...]:
    """All that a message may do: "no thanks" refuses what was offered, and else says goodbye."""
    if len(text) > 3 * LONGEST:
        return ()
    return _acts_of_clause(text) or _acts_of_clauses(_CLAUSES.split(text))


def _acts_of_clause(clause: str) -> tuple[Act, ...]:
    said = _squeezed(_UNMARKED.sub(r"\g<0> ", words(clause)))
    if not said or len(said) > LONGEST:
        return ()
    forms = [form for form in dict.fromkeys(_stripped(said)) if _any_act().fullmatch(form)]
    if not forms:
        return ()
    return tuple(act for act in ACTS if any(_pattern(act).fullmatch(form) for form in forms))


def _acts_of_clauses(clauses: Sequence[str]) -> tuple[Act, ...]:
    """Of "that's all, bye" every part must be a phrase, and the first in the table leads."""
    if not 1 < len(clauses) <= CLAUSES:
        return ()
    found = set[Act]()
    for clause in clauses:
        if not (acts := _acts_of_clause(clause)):
            return ()
        found.update(acts)
    return tuple(sorted(found, key=ACTS.index))


_CLAUSES = re.compile(r"(?<=\w)[,.;!?，。；！？~～…]+\s*(?=\w)")
# "dont" and "thats", as many type them; an apostrophe is a space in folded words.
_UNMARKED = re.compile(
    r"\b(?:(don|can|didn|doesn|isn|wasn)(?=t\b)|(that|what)(?=s\b)|(i)(?=(?:m|ve)\b))"
)
_BETWEEN_HAN = re.compile(f"(?<={HAN}) (?={HAN})")


def _squeezed(said: str) -> str:
    """Chinese without the spaces that its punctuation left."""
    return _BETWEEN_HAN.sub("", said)


def _stripped(said: str) -> Iterable[str]:
    """The message without the polite words before it, after it, and both."""
    start = _before().match(said)
    rest = said[start.end() :] if start else said
    for form in dict.fromkeys((said, rest)):
        yield form
        end = _after().search(form, max(0, len(form) - _LONGEST_AFTER))
        if end:
            yield form[: end.start()]


@cache
def _pattern(act: Act) -> re.Pattern[str]:
    return re.compile("|".join(_PERSON if act == "person" else _PHRASES[act]))


@cache
def _any_act() -> re.Pattern[str]:
    """Most messages are none of these phrases, which one look tells."""
    return re.compile("|".join(_pattern(act).pattern for act in ACTS))


_LONGEST_AFTER = 40


@cache
def _before() -> re.Pattern[str]:
    return re.compile(
        "(?:"
        + "|".join(f"(?:{one}) ?" if _han(one) else f"{one} " for one in _longest_first(_BEFORE))
        + "){1,4}"
    )


@cache
def _after() -> re.Pattern[str]:
    han = [one for one in _AFTER if _han(one)]
    spaced = "|".join(one for one in _AFTER if one not in han)
    begins = "".join(sorted({one[0] for one in han}))  # which tells most places apart
    return re.compile(f"(?=[ {begins}])(?: (?:{spaced})| ?(?:{'|'.join(han)})){{1,4}}$")


def _han(word: str) -> bool:
    return re.search(HAN, word) is not None


def _longest_first(phrases: Iterable[str]) -> list[str]:
    return sorted(phrases, key=len, reverse=True)
