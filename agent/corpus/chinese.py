# ruff: noqa: E501
"""Chinese: all phrasings, in the notation of `grammar.py`, and the names of things."""

from __future__ import annotations

from sensebind.agent.corpus import (
    chinese_acts,
    chinese_house,
    chinese_objects,
    chinese_senses,
    chinese_talk,
)
from sensebind.agent.corpus.chinese_rules import RULES as RULES

TEMPLATES: dict[str, list[str]] = {
    **chinese_senses.TEMPLATES,
    **chinese_objects.TEMPLATES,
    **chinese_house.TEMPLATES,
    **chinese_talk.TEMPLATES,
    **chinese_acts.TEMPLATES,
}

# Names in questions; the first is the one that answers use.
NOUNS: dict[str, tuple[str, ...]] = {
    "dog": ("狗", "狗", "小狗", "狗狗", "犬"),
    "cat": ("猫", "猫", "小猫", "猫咪", "猫猫"),
    "bird": ("鸟", "鸟", "小鸟", "鸟儿", "鹦鹉"),
    "car": ("汽车", "汽车", "车", "小汽车", "轿车", "车子", "玩具车", "小车"),
    "train": ("火车", "火车", "列车", "小火车", "玩具火车"),
    "clock": ("钟", "钟", "时钟", "闹钟", "挂钟"),
    "phone": ("电话", "电话", "手机", "电话机"),
    "piano": ("钢琴", "钢琴", "琴", "大钢琴"),
    "guitar": ("吉他", "吉他", "木吉他"),
    "drum": ("鼓", "鼓", "小鼓", "架子鼓", "大鼓"),
    "kettle": ("水壶", "水壶", "壶", "茶壶", "烧水壶", "开水壶"),
    "vacuum": ("吸尘器", "吸尘器", "吸尘机"),
    "radio": ("收音机", "收音机", "收音机", "无线电"),
    "fan": ("风扇", "风扇", "电风扇", "电扇"),
    "ball": ("球", "球", "皮球", "小球", "足球"),
    "chair": ("椅子", "椅子", "凳子", "座椅", "靠椅"),
    "plant": ("植物", "植物", "盆栽", "花", "绿植"),
    "lamp": ("灯", "灯", "台灯", "落地灯"),
}  # fmt: skip

MEASURES: dict[str, str] = {
    "dog": "只", "cat": "只", "bird": "只", "car": "辆", "train": "列", "clock": "个", "phone": "部",
    "piano": "架", "guitar": "把", "drum": "面", "kettle": "个", "vacuum": "台", "radio": "台",
    "fan": "台", "ball": "个", "chair": "把", "plant": "盆", "lamp": "盏",
}  # fmt: skip

SOUNDS: dict[str, tuple[str, ...]] = {
    "dog": ("叫", "吠", "汪汪叫"),
    "cat": ("叫", "喵喵叫"),
    "bird": ("叫", "唱歌", "鸣叫"),
    "car": ("鸣笛", "按喇叭", "开"),
    "train": ("鸣笛", "开过", "经过"),
    "clock": ("响", "滴答", "走"),
    "phone": ("响", "响铃"),
    "piano": ("响", "弹"),
    "guitar": ("响", "弹"),
    "drum": ("响", "敲"),
    "kettle": ("响", "烧水", "沸腾"),
    "vacuum": ("响", "工作", "吸尘"),
    "radio": ("响", "播放", "放"),
    "fan": ("转", "响", "吹"),
}

COLOR_NAMES: dict[str, tuple[str, ...]] = {
    "red": ("红色", "红色", "红"), "green": ("绿色", "绿色", "绿"), "blue": ("蓝色", "蓝色", "蓝"),
    "yellow": ("黄色", "黄色", "黄"), "orange": ("橙色", "橙色", "橘色", "橘黄色"),
    "purple": ("紫色", "紫色", "紫"), "white": ("白色", "白色", "白"), "black": ("黑色", "黑色", "黑"),
}  # fmt: skip

LEAD_INS = [
    "机器人",
    "嘿机器人",
    "嗨机器人",
    "你好机器人",
    "小机器人",
    "喂",
    "嗨",
    "嘿",
    "你好",
    "您好",
    "请问",
    "那个",
    "那",
    "嗯",
    "好",
    "好的",
    "那么",
    "不好意思",
    "打扰一下",
    "请",
    "麻烦",
    "对了",
    "哎",
    "诶",
    "小家伙",
    "朋友",
    "伙计",
    "现在",
    "接下来",
    "首先",
    "听着",
    "谢谢",
    "好了",
    "话说",
    "顺便问一下",
    "我说",
    "亲爱的",
    "哈喽",
    "早上好",
    "晚上好",
    "ok",
    "hi",
    "hello",
    "hey",
    "这样",
    "来",
    "小助手",
    "问你个问题",
    "我问你",
    "还有",
    "另外",
    "哦",
    "啊",
    "呃",
    "额",
    "机器人你好",
    "嘿朋友",
]
TAILS = [
    "机器人",
    "谢谢",
    "好吗",
    "可以吗",
    "行吗",
    "吧",
    "呢",
    "啊",
    "好不好",
    "拜托",
    "请",
    "谢谢你",
    "多谢",
    "快点",
    "马上",
    "现在",
    "一下",
    "朋友",
    "呀",
    "哦",
    "行不行",
    "啦",
    "谢谢啦",
    "ok",
    "好嘛",
    "可以不",
    "麻烦了",
    "辛苦了",
    "哈",
    "嘛",
    "能告诉我吗",
]

TRADITIONAL = dict(zip(
    "么见听声东颜个几开关灯风门机时点现谢吗这边里没还说请诉红蓝绿黄车鸟钟电话钢壶尘树热温调线帮们谁为对离远围观扫达传响闹静乐讲会发动给"
    "盏辆台只关闭启动边样让请问认识别块显摄头画面数样种远处东边后间应该报总结体验汇暗亮杂诗谜语唱爱欢题过来经边让进门锁带铃",
    "麼見聽聲東顏個幾開關燈風門機時點現謝嗎這邊裡沒還說請訴紅藍綠黃車鳥鐘電話鋼壺塵樹熱溫調線幫們誰為對離遠圍觀掃達傳響鬧靜樂講會發動給"
    "盞輛台隻關閉啟動邊樣讓請問認識別塊顯攝頭畫面數樣種遠處東邊後間應該報總結體驗匯暗亮雜詩謎語唱愛歡題過來經邊讓進門鎖帶鈴",
    strict=True,
))  # fmt: skip
