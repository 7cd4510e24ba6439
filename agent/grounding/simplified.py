"""Traditional Chinese characters as simplified ones, one by one, so that places in a text stay.

The characters are those of everyday orders, questions, numbers and devices. A library such as
OpenCC converts words and all characters; it is a compiled package of several megabytes for what one
table of one-to-one pairs does here.
"""

from __future__ import annotations

from sensebind.agent.corpus import chinese

_TRADITIONAL = (
    "後著沒開關燈門機這個們來過嗎麼說話聽見現視覺觀讀寫試調設該誰請謝讓認識議"
    "語詞問間閉閒聞鬧鎖鐘鋼鐵銀錯鍵鏡針釘鈴錄電車軌轉輕輪輛較輸運動勞務勁勝辦"
    "協單雙隻兩萬億幾數點時歲週號齊圓圍團塊壞壓場園國學寶實寢寬將專導對尋屬層"
    "帶幫幹庫廳廚應彎張強彈徑從復徹憶戶戲擋擇換揮損搖撥據擺擾攝斷舊晝暫曬會條"
    "東業樂樓標樣樹橋檢櫃欄權歡歸殺氣決況淨涼測減滅溫準滿漸潔濕灑為無煩煙熱燒"
    "營爐爾牆狀獨獸環當畫異疊發盞盡監盤睏確礙禮離種積穩窩竅競筆節範築簡籠類糧"
    "紅約純紙級終組結給絕統經綠緊線編緩縣總績繞繼續罵羅義習聯聰聲職腦腳與興舉"
    "艙艦藍藝藥處蟲補裝裡裏製複規覽觸訂計記訊訴診評詢誤課談論證譯護變貓豬財貨"
    "責買費賣質贊趕趙跡蹤軟載輔農達遠遙遞選遺還邊郵鄰醫釋閃閱闆陽陰階際險隨難"
    "雜霧靜響頁頂項順須預頭頻題顏願顧顯風飛飯飲館餵馬駕駛騎驚驗體髮鬆魚鳥鴨鵝"
    "鹽麥麵黃黨齒龍龜廣冊內劇劃創別側傳傷價優儘兒淩凍劑區參員啟喚嘗嚇嚴圖壺塵"
    "備佈係併倆偵傢僅僕徵佔餘鐳掃採掛棄櫥歷殘溝滾瀏牽狹癢碼禦窮臺颱葉蓋蘭衛襯"
    "詳謎謹貼賓踐迴遊鄉釐鑰陸隊雖頸"
)
_SIMPLIFIED = (
    "后着没开关灯门机这个们来过吗么说话听见现视觉观读写试调设该谁请谢让认识议"
    "语词问间闭闲闻闹锁钟钢铁银错键镜针钉铃录电车轨转轻轮辆较输运动劳务劲胜办"
    "协单双只两万亿几数点时岁周号齐圆围团块坏压场园国学宝实寝宽将专导对寻属层"
    "带帮干库厅厨应弯张强弹径从复彻忆户戏挡择换挥损摇拨据摆扰摄断旧昼暂晒会条"
    "东业乐楼标样树桥检柜栏权欢归杀气决况净凉测减灭温准满渐洁湿洒为无烦烟热烧"
    "营炉尔墙状独兽环当画异叠发盏尽监盘困确碍礼离种积稳窝窍竞笔节范筑简笼类粮"
    "红约纯纸级终组结给绝统经绿紧线编缓县总绩绕继续骂罗义习联聪声职脑脚与兴举"
    "舱舰蓝艺药处虫补装里里制复规览触订计记讯诉诊评询误课谈论证译护变猫猪财货"
    "责买费卖质赞赶赵迹踪软载辅农达远遥递选遗还边邮邻医释闪阅板阳阴阶际险随难"
    "杂雾静响页顶项顺须预头频题颜愿顾显风飞饭饮馆喂马驾驶骑惊验体发松鱼鸟鸭鹅"
    "盐麦面黄党齿龙龟广册内剧划创别侧传伤价优尽儿凌冻剂区参员启唤尝吓严图壶尘"
    "备布系并俩侦家仅仆征占余镭扫采挂弃橱历残沟滚浏牵狭痒码御穷台台叶盖兰卫衬"
    "详谜谨贴宾践回游乡厘钥陆队虽颈"
)
_SIMPLE = str.maketrans(
    {traditional: simple for simple, traditional in chinese.TRADITIONAL.items()}
    | dict(zip(_TRADITIONAL, _SIMPLIFIED, strict=True))
)


def simplified(text: str) -> str:
    """Returns a text with simplified characters in place of traditional ones.

    Example:
        >>> simplified("收音機開著嗎？")
        '收音机开着吗？'

    Args:
        text: As it was said; as long as what is returned.
    """
    return text.translate(_SIMPLE)
