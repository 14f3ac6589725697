"""Messages that no help centre answers, in both languages: what a passage threshold must refuse."""

OFF_TOPIC = {
    "en": (
        "what's the weather like tomorrow", "tell me a joke", "who won the match last night",
        "can you write my essay on the roman empire", "what is the capital of mongolia",
        "i feel a bit lonely today", "do you believe in ghosts", "sing me a song",
        "what should i cook for dinner", "my tooth hurts what can i take",
        "who should i vote for", "how tall is the eiffel tower", "translate good morning to french",
        "is it going to snow at the weekend", "what's seven times eighty three",
        "recommend me a film for tonight", "my neighbour plays the drums all night",
        "how do i train my dog to sit", "what do you think about the president",
        "can you book me a haircut", "how many planets are there", "i had a strange dream",
        "what time is it in tokyo", "when does the next bus to the airport go",
        "how do i get a red wine stain out of a carpet", "are you single",
        "what is the meaning of life", "help me with my algebra homework",
        "who painted the mona lisa", "what's the price of bitcoin",
        "my landlord won't give back my deposit", "give me a name for my kitten",
        "how do vaccines work", "did you watch the game", "lol ok", "hmm", "asdf", "you there?",
        "nice weather today isn't it", "i'm bored", "what did you do this weekend",
        "how do i fix a python import error", "which horse wins the derby",
    ),
    "zh": (
        "明天天气怎么样", "给我讲个笑话", "昨晚谁赢了比赛", "帮我写一篇关于唐朝的作文",
        "蒙古的首都是哪里", "我今天有点难过", "你相信有鬼吗", "给我唱首歌", "晚饭吃什么好",
        "我牙疼该吃什么药", "埃菲尔铁塔有多高", "早上好用法语怎么说", "周末会下雪吗",
        "七乘八十三等于多少", "推荐一部今晚看的电影", "邻居整晚打鼓怎么办", "怎么教狗坐下",
        "帮我约个理发", "太阳系有几颗行星", "我做了个奇怪的梦", "东京现在几点",
        "去机场的下一班车什么时候", "地毯上的红酒渍怎么去掉", "你单身吗", "人生的意义是什么",
        "帮我做数学作业", "蒙娜丽莎是谁画的", "比特币多少钱了", "房东不退押金怎么办",
        "给我的小猫起个名字", "疫苗是怎么起作用的", "哈哈好吧", "嗯", "在吗", "今天天气真好",
        "好无聊啊", "你周末干什么了", "怎么修这段代码", "股票明天会涨吗", "附近有什么好玩的",
    ),
}  # fmt: skip
