# ruff: noqa: E501
"""What is asked for that only observes, and orders of several devices at once.

How a device stands, how many things there are; see `english_frames` for the slots.
"""

from __future__ import annotations

STATE: dict[str, str] = {
    "en": """is {d} (on or off|off or on|open or closed|open or shut)
(tell me|say|let me know|report) (if|whether) {d} is {state} [or not|right now|at the moment|]
(check|see|look|verify|find out|make out) (if|whether) {d} is {state} [or not|right now|please|for me|]
(check|see|look|find out) (if|whether) {d} is (on|off|still on|open|closed|running|locked)
(can|could|would|will) you (tell me|check|see|say|find out|look) (if|whether) {d} is {state}
(i want|i'd like|i would like|i need) to know (if|whether) {d} is {state}
(do you know|any idea|can you see|are you sure) (if|whether|that) {d} is {state}
what (state|position) is {d} in
what's the (state|status|condition) of {d} [now|right now|]
(status|state) of {d}
how is {d} [set|standing|right now|]
(report|give me|read me|read|check|look up) the (state|status) of {d}
(check|look at|look after) {d} and (tell me|say) (if|whether) it is {state}
did (i|we|anyone|somebody) leave {d} {state}
is {d} (still|already|currently|really|actually|by any chance) {state}
{d} is {state}, (isn't it|right|correct|is it)
{d} isn't {state}, is it
(is|isn't) {d} {state} (right now|at this moment|at present|yet)
is {d} {state} or (not|isn't it)
has {d} been left {state}
what about {d}, is it {state}
{d} - {state}?
{d} {state}?
is it {state}, {d}
find out how {d} is
{state} or not, {d}
i wonder (if|whether) {d} is {state}
(tell|inform) me about the (state|status) of {d}
say how {d} (stands|is)
does {d} stand {state}
would {d} be {state} [by any chance|]
is there any chance that {d} is {state}""",
    "zh": """{d}是(开着还是关着|关着还是开着|开的还是关的)
{d}{state}还是没{state}
(看看|看一下|看下|检查一下|查一下|查看|确认一下|瞧瞧|告诉我|说说|跟我说|帮我看看|你看看|去看看|报告一下|告诉我一声){d}(是不是|是否|有没有){state}
(看看|看一下|看下|检查一下|查一下|查看|确认一下|瞧瞧|告诉我|说说|跟我说|帮我看看|报告一下){d}{state}没有
(看看|看一下|检查一下|告诉我|说说|帮我看看){d}是(开着|关着|开的|关的)还是(关着|开着|关的|开的)
(看看|看一下|检查一下|查一下|查看|告诉我|说说|报告){d}(的状态|现在怎么样|是什么状态|什么情况)
{d}(现在|还|是|是不是|真的|已经|目前|这会儿|此刻)[|都|仍然]{state}吗
{d}{state}(吗|没有|没|不|么|嘛|吧)
{d}(现在|此刻|这会儿|目前)是什么(状态|情况)
{d}(的状态|怎么样了|什么情况)
(我想知道|想问一下|请问|问一下|想知道){d}{state}(吗|没有|没)
(我想知道|想问一下|请问|问一下){d}(是不是|是否){state}
(你知道|知不知道|能不能告诉我|可以告诉我|能看看){d}(是不是|是否){state}[吗|]
{d}(该不会|不会)还{state}吧
{d}有没有{vp0}着
{d}忘{vp0}了吗，(是不是|还){state}""",
}
"""How a device stands now; `{state}` is what it may be."""

_THINGS = "(things|objects|items|different things|different objects|separate items|pieces)"
COUNT_ANY: dict[str, str] = {
    "en": f"""how many {_THINGS} (are there|are here|are there here|are in the room|are in front|are ahead of you|are around you|are in your view|are in sight|are visible|are standing around|stand there|lie around) [now|right now|in total|altogether|at the moment|]
how many {_THINGS} (do|can) you (see|spot|detect|find|notice|recognise|make out|perceive|count|observe) [now|right now|in total|altogether|here|there|]
how many {_THINGS}
how many (is|are) (that|it|those|these) (in total|altogether|all in all)
how (much|many) stuff (is there|do you see|is in front of you|is in here)
count (the|all|all the|those|these|your|some) {_THINGS} [you see|in view|in sight|in front of you|here|there|around you|please|for me|]
count (everything|all|it all|all of it|what you see|what is there|what stands there|what's in front of you) [you see|in view|here|in sight|please|]
count what (you|we) (see|have) [here|]
(tell me|say|report|let me know|work out) how many {_THINGS} (there are|you see|you can see|are there|you spot|are in view)
(tell me|say|report|give me|state) the number of {_THINGS} [in view|in sight|in front of you|you see|]
(what's|what is) the (number|count|total|total number|sum) of {_THINGS} [in view|in sight|here|there|ahead|]
(number|amount|count|total) of {_THINGS} [in view|in sight|here|please|]
(give me|i want|i need|let me have) (a|the) (count|number|tally|total) [of the {_THINGS[1:-1].split("|")[0]}|of what you see|of everything|]
how many [of them] (do you see|can you see|are there)
(do|make) a (count|headcount|tally) of (the|all) {_THINGS}
(could|can|would) you count (the|all the|those) {_THINGS} [for me|please|you see|]
in total, how many {_THINGS} are there
is there (more than one|one|only one) thing (here|there|in front of you)
how crowded is it, how many {_THINGS} are there
what do you count [there|here|]
{_THINGS}: how many
how many {_THINGS} does your camera (see|show|find)""",
    "zh": """(前面|面前|眼前|这里|那里|屋里|房间里|画面里|镜头里|视野里|周围|你面前|地上)[一共|总共|现在|]有(几个|多少|多少个|几样|几件|几种)(东西|物体|物品|物件|东西啊|玩意儿)
(你|)[一共|总共|现在|][能|](看到|看见|看得见|发现|检测到|识别出|数出|看得到)[了|](几个|多少|多少个|几样|几件)(东西|物体|物品)
(数一数|数数|数一下|数|点一点|清点一下|算一下|统计一下)[一共|](有|)(几个|多少|多少个|几样)(东西|物体|物品)
(数一数|数数|数一下|清点一下|点一下|统计一下)(所有|全部|你看到的|面前的|眼前的|这里的|那些|屋里的)(东西|物体|物品)
(东西|物体|物品)(一共|总共|)有(几个|多少|多少个|几样)
(告诉我|说说|报一下|报告|说一下)(有|一共有|你看到|面前有)(几个|多少个|多少|几样)(东西|物体|物品)
(东西|物体|物品)的(数量|数目|个数|总数)(是多少|有多少|多少|)
(一共|总共)(几个|多少个|几样|几件)[东西|物体|]
(给我|报)个(总数|数)
(看看|瞧瞧)(有|一共有)(几个|多少)(东西|物体|物品)
(几个|几样|多少)(东西|物体|物品)
这儿(东西|物体)(多吗|多不多)，(有|)几个
你数到了几个""",
}
"""How many things there are, of no kind in particular."""

SHARED: dict[str, str] = {
    "en": """(turn|switch|put) {way} {d} and {e}
(turn|switch|put) {d} and {e} {way}
(turn|switch) {way} both {d} and {e}
(turn|switch) both {d} and {e} {way}
{d} and {e} {way} [please|]
(i|we) (want|need|'d like) {d} and {e} {way}
(turn|switch|put) {d} {way} and {e} [too|as well|also|]
(turn|switch|put) {way} {d} and also {e}
(turn|switch) {way} {d}, and {e} [too|as well|]
(turn|switch) {d} {way} and {e} {back}
(turn|switch) {way} {d} and {back} {e}
{d} {way}, {e} {back}
(turn|switch|put) {d} {way}, {e} {back} [please|]""",
    "zh": """(打开|关掉){d}和{e}
把{d}和{e}(都|全都|)(打开|关掉|关了)
{d}和{e}都(打开|关掉|关上)
(打开|关掉){d}、{e}
把{d}、{e}都(打开|关掉|关了)
(打开|关掉){d}还有{e}
{d}跟{e}都(打开|关掉)
(开|关){d}和{e}""",
}
"""Two devices at once; `{way}` is on or off, `{back}` the other."""
