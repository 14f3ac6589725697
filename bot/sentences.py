"""What the bot says about the conversation itself, in its own words: repair, courtesy, handover.

`bot.replies` adds these to its own. A name with ", upset" behind it is said instead of the plain
one in a run of upset messages: it apologises, is short, and never argues.
"""

from __future__ import annotations

from collections.abc import Mapping

UPSET = ", upset"

ENGLISH: Mapping[str, tuple[str, ...]] = {
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
    "hello": ("Hello! What can I help you with?", "Hi! How can I help?"),
    "thanked": ("You're welcome!", "My pleasure!"),
    "goodbye": ("Goodbye, and take care!", "Bye for now!"),
    "acknowledged": ("Is there anything else I can help you with?", "What else can I do for you?"),
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
        "I'm sorry, I could not find it. {question}",
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
    "hello": ("您好！请问有什么可以帮您？", "您好，我能帮您做什么？"),
    "thanked": ("不客气！", "很高兴能帮到您！"),
    "goodbye": ("再见，祝您愉快！", "再见！"),
    "acknowledged": ("请问还有什么可以帮您？", "还需要我做什么吗？"),
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
    "ask again, upset": ("很抱歉再问一次。{question}", "对不起，我没有找到。{question}"),
    "clarify, upset": ("很抱歉，为了不弄错，请问是哪一个？", "对不起，我还不确定，是下面哪一个？"),
    "cite, upset": ("给您添麻烦了。帮助文档里是这样说的：", "很抱歉。帮助文档里写着："),
    "waiting, upset": ("给您添麻烦了，同事正在赶来。", "抱歉让您久等，同事马上就到。"),
}
