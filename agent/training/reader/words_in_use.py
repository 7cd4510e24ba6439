"""Words of the orders that the robot knows; no open word may be, or hold, one of them."""

KNOWN_ENGLISH = frozenset(
    (
        "lamp light lights bulb lamps lightbulb lighting illumination radio music stereo tune tunes song"
        " fan ventilator blower propeller ventilation door doors gate entrance doorway thermostat"
        " temperature temp heating heat heater degree degrees celsius left right around forward forwards"
        " ahead back backward backwards reverse metre metres meter meters centimetre centimeter cm half"
        " quarter turn switch put open close shut lock unlock start stop kill cut set make get go drive"
        " move roll come approach rotate spin face head travel walk advance retreat power activate"
        " deactivate enable disable flip flick play mute silence douse extinguish darken brighten"
        " illuminate raise lower adjust change bring take keep leave let pull push swing slam slide bolt"
        " unbolt latch unlatch light dim pivot steer proceed step withdraw run dog cat bird car train"
        " clock phone piano guitar drum kettle vacuum ball chair plant puppy kitten kitty red green blue"
        " yellow orange purple white black please now robot not never no do and but or if when the"
        " off on up down out in to of is are was were will can could would should may might must"
        " air wind breeze dark bright cold warm hot loud quiet all both everything nothing one two"
        " three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred"
        " whatever here there room this that it you me my your our some any little bit again quick"
        " quickly thanks thank hey hello hi ok okay just need want like have has had got give"
    ).split()
)
KNOWN_CHINESE = (
    *"灯燈门門扇机温恒暖热冷开開关關转轉左右前后後进退走停度光亮暗黑",
    "音乐",
    "广播",
    "电台",
    "音响",
)
