"""What the bot says in its own words: each sentence in wordings that take turns, so that nobody is
told the same thing twice in a row.

A name with ", upset" behind it is said instead of the plain one in a run of upset messages: it
apologises, is short, and never argues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]
UPSET = ", upset"

ENGLISH: Mapping[str, tuple[str, ...]] = {
    "unreadable": (
        "I couldn't find any words in that. Could you type it out for me?",
        "That came through without any words. What can I help you with?",
    ),
    "only a value": (
        "Thank you, I've noted that. What can I do for you?",
        "Noted, thanks. What would you like to know, or to do?",
    ),
    "uncertain": (
        "I'm sorry, I don't know the answer to that."
        ' Try other words, or type "agent" to reach a person.',
        "I don't know that one, I'm afraid."
        ' You can put it another way, or type "agent" and a person will take over.',
    ),
    "uncertain again": (
        "I'm sorry, I don't know that one either. Shall I get a colleague?",
        "I have no answer to that either, I'm afraid. Would you like a colleague to help?",
    ),
    "said already": (
        "I'm sorry, I know no more about that than what I just said. Shall I get a colleague?",
        "That is all I know about it, I'm afraid. Would you like a colleague to help?",
    ),
    "out of scope": (
        "I'm sorry, that's something I don't know about."
        ' Type "agent" if you would like a person to help.',
        "I don't know about that, I'm afraid; it's outside what I can help with."
        ' A person may know more: type "agent".',
    ),
    "requested": (
        "Of course. I'm handing you over to a colleague, who can see what you've told me so far.",
        "Sure, a colleague will take it from here. What you've told me is passed on.",
    ),
    "unknown": (
        "I don't want to keep you guessing, so I'm handing you over to a colleague."
        " What you've told me is passed on.",
        "This one is better answered by a person."
        " I'm handing you over, with what you've told me so far.",
    ),
    "unfilled": (
        "No problem, we can find it another way. I'm handing you over to a colleague,"
        " with what you've told me so far.",
        "That's all right. A colleague will help you from here, and can see what you've told me.",
    ),
    "ask": ("Could you tell me the {slot}?", "What is the {slot}, please?"),
    "ask, upset": (
        "I'm sorry to hear that. {question}",
        "I'm sorry about that, let me look into it. {question}",
    ),
    "ask again": (
        "Sorry, I couldn't find that in your message. {question}",
        "I didn't catch that, sorry. {question}",
    ),
    "corrected": ("Got it, {value}.", "{value}, noted."),
    "confirm": (
        "Just to be sure: {what}. Shall I go ahead?",
        "Before I do it: {what}. Is that right?",
    ),
    "confirm again": ("Is that a yes or a no? {question}", "Yes or no? {question}"),
    "declined": (
        "All right, I haven't done it. Tell me what to change, or ask me something else.",
        "No problem, I'll leave it. What should be different?",
    ),
    "action failed": (
        "I'm sorry, that didn't work just now. You can try again in a while.",
        "Sorry, I couldn't get that done. It may work later.",
    ),
    "reach a person": (
        'Type "agent" to reach a person.',
        'A person can help, too: type "agent".',
    ),
    "clarify": (
        "Just so I get this right, which of these do you mean?",
        "I want to be sure I understand. Is it one of these?",
    ),
    "perhaps": (
        "I'm not sure I understand. Is it one of these?",
        "I may have this wrong. Do you mean one of these?",
    ),
    "perhaps one": (
        "I'm not sure I understand. Is it about “{title}”?",
        "I may have this wrong. Do you mean “{title}”?",
    ),
    "not found": (
        "I found nothing about {parts}, though.",
        "What our help pages don't tell me is {parts}.",
    ),
    "two": (" and ",),
    "choose": ("A number will do, or tell me in other words.",),
    "choose or not": (
        'A number will do. If it is none of these, say it in other words, or type "agent".',
    ),
    "cite": ("Here is what our help pages say:", "This is from our help pages:"),
    "cite again": ("About that, our help pages say:", "The part about that says:"),
    "failed": ("Sorry, something went wrong on my side. Please try that again.",),
    "cancelled": ("No problem, I've dropped that.", "All right, let's leave it."),
    "nothing open": (
        "No problem. I'm here if you need anything.",
        "All right. Just write if something comes up.",
    ),
    "needed": (
        "I can't go on without that, I'm afraid. \"never mind\" leaves it,"
        ' and "agent" brings a person.',
        'That one is needed, sorry. You can also say "never mind", or "agent" for a person.',
    ),
    "restarted": (
        "All right, we start afresh. What can I help you with?",
        "Back at the beginning. How can I help?",
    ),
    "told": (
        "I'm sorry, I can't find it in your messages."
        ' Please give it to me once more, or type "agent" and a person will take over.',
        'Sorry, I don\'t see it in what you wrote. Could you repeat it? "agent" brings a person.',
    ),
    "heard": (
        "I'm sorry about that. Shall I get a colleague?",
        "Sorry that I did not get it. Would you like a colleague to take over?",
    ),
    "misheard": (
        "I'm sorry, I got that wrong. You can put it in other words. Or shall I get a colleague?",
        "Sorry, I misunderstood you. Say it in other words, or would you like a colleague instead?",
    ),
    "lacking": (
        "That's all right. I can't do it without that, but a colleague may. Shall I get one?",
        "No problem. I need that to go on, but a colleague may not. Shall I get one?",
    ),
    "done": (
        "I'm afraid that is already done, and I can't take it back. Shall I get a colleague?",
        "That is done already, sorry, and I can't undo it. Would you like a colleague to look?",
    ),
    "hello": ("Hello! What can I help you with?", "Hi! How can I help?"),
    "thanked": ("You're welcome!", "My pleasure!"),
    "goodbye": ("Goodbye, and take care!", "Bye for now!"),
    "acknowledged": ("Is there anything else I can help you with?", "What else can I do for you?"),
    "listening": ("Of course. What is it about?", "Sure, tell me: what is it about?"),
    "capabilities": (
        "I can help with these, among others:",
        "Among other things, I know about these:",
    ),
    "no capabilities": (
        'Ask me anything, and I\'ll look for the answer. Type "agent" to reach a person.',
        'Just ask, and I\'ll see what I find. "agent" brings a person.',
    ),
    "waiting": (
        "A colleague is on the way and sees what you write here."
        ' Say "never mind" to go on with me instead.',
        "Noted for the colleague who is on the way."
        ' If you would rather go on with me, say "never mind".',
    ),
    "back": (
        "All right, I'm back with you. What can I help you with?",
        "Good, then you have me again. How can I help?",
    ),
    "back to": ("Back to “{title}”: {question}", "About “{title}”: {question}"),
    "offer": ("Shall I get a colleague?", "Would you rather have a colleague take over?"),
    "offer instead": (
        "If that is not what you need, shall I get a colleague?",
        "If that doesn't help, would you like a colleague to take over?",
    ),
    "offer by word": (
        'If you would rather talk to a person, type "agent".',
        'A person can take over at any time: type "agent".',
    ),
    "not understood": (
        "I did not understand this part: “{text}”. Could you put it another way?",
        "This part I could not make out: “{text}”. Would you say it in other words?",
    ),
    "uncertain, upset": (
        "I'm really sorry, I don't know that. Type \"agent\" and a person will take over.",
        "I'm sorry, I don't know this one either. A person can help: type \"agent\".",
    ),
    "out of scope, upset": (
        "I'm really sorry, I don't know about that. Type \"agent\" and a person will take over.",
        'I\'m sorry, this is outside what I know. A person can help: type "agent".',
    ),
    "requested, upset": (
        "I'm sorry for the trouble. A colleague takes over right away.",
        "Of course, and I'm sorry. A colleague is with you next.",
    ),
    "unknown, upset": (
        "I'm sorry for the trouble, and I can't help with this one."
        " A colleague takes over, with what you've told me.",
        "I'm sorry, this needs a person. A colleague takes over, with what you've told me.",
    ),
    "unfilled, upset": (
        "I'm sorry for the trouble. A colleague takes over, with what you've told me.",
        "I'm sorry, let me not ask again. A colleague takes over, and sees what you've told me.",
    ),
    "ask again, upset": (
        "I'm sorry to ask once more. {question}",
        "I'm sorry for the trouble. To look into it I need one thing: {question}",
    ),
    "clarify, upset": (
        "I'm sorry, I want to get this right. Which of these is it?",
        "I'm sorry, I'm not sure yet. Is it one of these?",
    ),
    "cite, upset": (
        "I'm sorry for the trouble. Our help pages say:",
        "I'm sorry. This is what our help pages say:",
    ),
    "waiting, upset": (
        "I'm sorry for the trouble. A colleague is on the way.",
        "I'm sorry about the wait. A colleague will be with you.",
    ),
}
CHINESE: Mapping[str, tuple[str, ...]] = {
    "unreadable": (
        "这条消息里没有看到文字，可以打字告诉我吗？",
        "我没能读到内容，请用文字说说您需要什么帮助。",
    ),
    "only a value": (
        "好的，已经记下了。请问您需要什么帮助？",
        "收到，记下了。您想问什么，或者想办什么？",
    ),
    "uncertain": (
        "抱歉，这个问题我不知道答案。您可以换个说法，或输入“人工”由同事来帮您。",
        "不好意思，这个我还不知道。换个说法试试，或者输入“人工”转给同事。",
    ),
    "uncertain again": (
        "抱歉，这个我也不知道。需要我请同事来帮您吗？",
        "不好意思，这个我还是答不上来。要不要请同事接手？",
    ),
    "said already": (
        "抱歉，这方面我知道的就是刚才说的这些。需要我请同事来帮您吗？",
        "不好意思，更多的我就不清楚了。要不要请同事接手？",
    ),
    "out of scope": (
        "抱歉，这方面我不知道。如需同事帮忙，请输入“人工”。",
        "不好意思，这超出了我知道的范围。输入“人工”，同事也许能帮到您。",
    ),
    "requested": (
        "好的，我这就为您转接同事，您刚才说的内容会一并转过去。",
        "没问题，接下来由同事为您服务，前面的内容他们都能看到。",
    ),
    "unknown": (
        "不想让您反复尝试，我为您转接同事，您刚才说的内容会一并转过去。",
        "这个问题由同事来回答更合适，我这就转接，前面的内容他们都能看到。",
    ),
    "unfilled": (
        "没关系，还有别的办法。我为您转接同事，您刚才说的内容会一并转过去。",
        "没事的，接下来由同事帮您处理，前面的内容他们都能看到。",
    ),
    "ask": ("请告诉我{slot}。", "请问{slot}是什么？"),
    "ask, upset": (
        "很抱歉让您遇到这种情况。{question}",
        "给您添麻烦了，我马上为您看看。{question}",
    ),
    "ask again": (
        "抱歉，刚才的消息里没有找到。{question}",
        "不好意思，我没有看明白。{question}",
    ),
    "corrected": ("好的，改为{value}。", "记下了，是{value}。"),
    "confirm": ("跟您确认一下：{what}，可以吗？", "办理之前确认一下：{what}，对吗？"),
    "confirm again": ("请问可以还是不可以？{question}", "请回复“是”或“不是”。{question}"),
    "declined": (
        "好的，我先不办理。哪里需要改，直接告诉我就行。",
        "没问题，先不办了。您想怎么改？",
    ),
    "action failed": (
        "抱歉，刚才没有办成，您可以过一会儿再试。",
        "不好意思，这次没有成功，稍后可能就好了。",
    ),
    "reach a person": ("输入“人工”可以转给同事。", "您也可以输入“人工”，由同事来办。"),
    "clarify": ("为了不弄错，请问您指的是哪一个？", "我想确认一下，您说的是下面哪一个？"),
    "perhaps": (
        "我不太确定您的意思，您想问的是下面哪一个？",
        "我可能没完全明白，您说的是这里面的哪一个？",
    ),
    "perhaps one": (
        "我不太确定您的意思，您想问的是“{title}”吗？",
        "我可能没完全明白，您说的是“{title}”吗？",
    ),
    "not found": (
        "不过，没有找到关于{parts}的内容。",
        "至于{parts}，帮助文档里没有写到。",
    ),
    "two": ("和",),
    "choose": ("回复数字即可，也可以换个说法告诉我。",),
    "choose or not": ("回复数字即可；都不是的话，请换个说法，或输入“人工”。",),
    "cite": ("帮助文档里是这样说的：", "以下内容来自帮助文档："),
    "cite again": ("关于这一点，帮助文档里是这样写的：", "文档里与这一点有关的是："),
    "failed": ("抱歉，我这边出了点问题，请再试一次。",),
    "cancelled": ("没问题，这件事先放下。", "好的，那就先不办这个。"),
    "nothing open": ("没关系，有需要随时告诉我。", "好的，需要时再找我。"),
    "needed": (
        "抱歉，没有这一项就办不下去。说“算了”可以放下，说“人工”可以转给同事。",
        "不好意思，这一项是必须的。也可以说“算了”，或者说“人工”由同事接手。",
    ),
    "restarted": ("好的，我们重新开始。请问有什么可以帮您？", "好，从头来过。您需要什么帮助？"),
    "told": (
        "抱歉，我在您的消息里没有找到。请再发一次，或输入“人工”由同事接手。",
        "对不起，前面的消息里我没看到。麻烦再说一次，或输入“人工”转给同事。",
    ),
    "heard": ("很抱歉。需要我请同事来帮您吗？", "抱歉我没弄明白。要不要请同事接手？"),
    "misheard": (
        "抱歉，是我理解错了。您可以换个说法，或者需要我请同事来帮您吗？",
        "对不起，我没明白您的意思。可以换个说法，要不要请同事接手？",
    ),
    "lacking": (
        "没关系。没有这一项我办不了，同事也许可以。需要我请同事来帮您吗？",
        "没事的，我这边少不了这一项，同事也许有别的办法。要不要请同事接手？",
    ),
    "done": (
        "抱歉，这已经办好了，我没法撤回。需要我请同事来帮您吗？",
        "不好意思，刚才已经办了，我撤不回来。要不要请同事看看？",
    ),
    "hello": ("您好！请问有什么可以帮您？", "您好，我能帮您做什么？"),
    "thanked": ("不客气！", "很高兴能帮到您！"),
    "goodbye": ("再见，祝您愉快！", "再见！"),
    "acknowledged": ("请问还有什么可以帮您？", "还需要我做什么吗？"),
    "listening": ("当然可以，请说，是关于什么的？", "好的，请告诉我是什么事。"),
    "capabilities": ("比如这些，我都可以帮您：", "这些事情可以问我："),
    "no capabilities": (
        "您可以直接提问，我来查找答案。输入“人工”可以转给同事。",
        "请直接问我，我来找找看。输入“人工”由同事接手。",
    ),
    "waiting": (
        "同事正在赶来，您写的内容他们都能看到。想继续和我聊，请说“算了”。",
        "已经记下，同事马上就来。想继续和我聊，请说“算了”。",
    ),
    "back": ("好的，我接着为您服务。请问有什么可以帮您？", "好，还是由我来。您需要什么？"),
    "back to": ("回到“{title}”：{question}", "关于“{title}”：{question}"),
    "offer": ("需要我请同事来帮您吗？", "要不要请同事接手？"),
    "offer instead": (
        "如果这没有解决您的问题，需要我请同事来帮您吗？",
        "如果这不是您想要的，要不要请同事接手？",
    ),
    "offer by word": ("想由同事帮您的话，请输入“人工”。", "随时可以由同事接手：请输入“人工”。"),
    "not understood": (
        "这一部分我没有看懂：“{text}”。可以换个说法吗？",
        "“{text}”这部分我没弄明白，能换个说法吗？",
    ),
    "uncertain, upset": (
        "非常抱歉，这个我不知道。输入“人工”，马上由同事接手。",
        "真对不起，这个我也不知道。请输入“人工”，由同事来帮您。",
    ),
    "out of scope, upset": (
        "非常抱歉，这方面我不知道。输入“人工”，马上由同事接手。",
        "真对不起，这超出了我知道的范围。请输入“人工”，由同事来帮您。",
    ),
    "requested, upset": ("给您添麻烦了，马上由同事接手。", "好的，很抱歉，同事这就来。"),
    "unknown, upset": (
        "给您添麻烦了，这个我帮不上。马上由同事接手，前面的内容他们都能看到。",
        "很抱歉，这个需要同事来处理。我马上转接，前面的内容会一并转过去。",
    ),
    "unfilled, upset": (
        "给您添麻烦了。马上由同事接手，前面的内容他们都能看到。",
        "很抱歉，我不再追问了。马上由同事接手，前面的内容会一并转过去。",
    ),
    "ask again, upset": (
        "很抱歉再问一次。{question}",
        "给您添麻烦了，为了帮您查，还需要一项信息。{question}",
    ),
    "clarify, upset": ("很抱歉，为了不弄错，请问是哪一个？", "对不起，我还不确定，是下面哪一个？"),
    "cite, upset": ("给您添麻烦了。帮助文档里是这样说的：", "很抱歉。帮助文档里写着："),
    "waiting, upset": ("给您添麻烦了，同事正在赶来。", "抱歉让您久等，同事马上就到。"),
}

SENTENCES: Mapping[Language, Mapping[str, tuple[str, ...]]] = {"en": ENGLISH, "zh": CHINESE}
