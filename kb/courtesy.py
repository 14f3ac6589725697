"""Sentences of an article that only greet, thank or announce what follows: they answer nothing.

"Thank you for reading our help pages." is found for every question that the title answers, and says
nothing to any of them. A table of openings, English and Chinese; a sentence with a digit, or with a
clause behind a comma or a colon, says more than that and is none.
"""

import re

_SAYS_MORE = re.compile(r"[\d:;：；]")
_LONGEST = 160

_THING = r"(?:article|guide|page|section|post|chapter|faq|overview|help page|help article)"
_WITHOUT_CLAUSE = r"(?:(?! (?:where|which|who|whose|because|if|when|so|but)\b)[^,，])*"
_ENGLISH = rf"""
      (?:many\ )?(?:thanks|thank\ you)(?:\ (?:so|very)\ much)?\ for
        \ (?:reading|visiting|choosing|contacting|shopping|using|stopping\ by|being|trusting|joining
        |taking\ the\ time|considering|coming|dropping\ by|checking
        |your\ (?:interest|trust|visit|support|patience|understanding|business|attention))\b
        {_WITHOUT_CLAUSE}
    | (?:a\ )?(?:warm\ )?welcome(?:\ back)?(?:\ (?:to|aboard)\b{_WITHOUT_CLAUSE})?
    | (?:hi|hello|dear)(?:\ (?:there|everyone|all|customers?|guests?|friends?|visitors?|reader))?
    | we\ (?:very\ much\ )?(?:hope|trust)\ (?:that\ )?
        (?:this|it|(?:this|these|the|our)\ (?:{_THING}|information|tips|answers|pages|lines)
        |you\ (?:find|found|enjoy|enjoyed|like|liked))\b{_WITHOUT_CLAUSE}
        \b(?:helps?|helped|helpful|useful|reading|visit|stay)\b{_WITHOUT_CLAUSE}
    | (?:we(?:'re|’re|\ are)|it(?:'s|’s|\ is))
        \ (?:so\ |very\ )?(?:happy|glad|delighted|pleased|great|good|nice)
        \ (?:to\ (?:have|see|welcome|meet)|you)\b{_WITHOUT_CLAUSE}
    | you(?:'ve|’ve|\ have)?\ (?:have\ )?(?:come|found\ your\ way)\ to\ the\ right\ place
    | in\ this\ {_THING},?\ (?:you(?:'ll|’ll|\ will|\ can)?|we(?:'ll|’ll|\ will)?)
        \ (?:find|learn|read|see|explain|show|tell|describe|cover|discover|look|answer|go\ over)\b
        {_WITHOUT_CLAUSE}
    | this\ {_THING}\ (?:will\ )?
        (?:explains?|describes?|shows?|covers?|tells?|helps?|answers?|gives?|is\ about
        |is\ (?:meant|here)\ to|walks?|contains?)\b
        {_WITHOUT_CLAUSE}
    | (?:read\ on|keep\ reading)\b{_WITHOUT_CLAUSE}
"""
_CHINESE = r"""
      (?:非常|十分|衷心|诚挚)?(?:感谢|谢谢|多谢)(?:您|你|各位|大家)?们?(?:对我们)?的?
        (?:阅读|光临|惠顾|关注|支持|选择|信任|使用|来到|浏览|访问|选购|耐心|厚爱|理解)[^，、]*
    | (?:热烈|非常)?欢迎(?:您|你|各位|大家)?们?
        (?:(?:来到|光临|访问|阅读|浏览|使用|选购|关注|加入)[^，、]{0,24})?
    | (?:亲爱的|尊敬的)[^，。、]{0,12}[，,]?(?:您|你|大家)?好?
    | (?:您|你|大家)好
    | (?:本[文页篇节]|这篇文章|这一页|这里|下面|下文|以下内容)(?:将|会|主要)?
        (?:[为向给跟和](?:您|你|大家))?
        (?:简单|详细|一一)?(?:介绍|说明|讲解|解释|讲讲|说说|讲述|整理)[^，、]*
    | (?:我们)?希望(?:本[文页篇]|这篇文章|(?:这些|以上)(?:内容|信息)?)
        [^，]{0,16}(?:帮助|帮到|有用)[^，]{0,8}
"""
_COURTESY = re.compile(rf"(?:{_ENGLISH}|{_CHINESE})", re.IGNORECASE | re.VERBOSE)
_EDGES = " \t\n*_#>.,!…。，！～~"


def is_courtesy(sentence: str) -> bool:
    """Whether a sentence, as plain text, answers nothing whatever is asked.

    >>> is_courtesy("Thank you for reading our help pages!"), is_courtesy("欢迎光临岑屿茶铺。")
    (True, True)
    >>> is_courtesy("Welcome to the club, where delivery is free.")
    False
    """
    said = " ".join(sentence.split()).strip(_EDGES)
    if len(said) > _LONGEST or _SAYS_MORE.search(said):
        return False
    return _COURTESY.fullmatch(said) is not None
