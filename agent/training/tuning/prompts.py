"""What a person says to a robot that has nothing to do with what it perceives."""

from __future__ import annotations

import random

_ASKED = """
Tell me a joke.
Tell me a short story about a cat.
Tell me something interesting.
Sing me a song.
Write a poem about the sea.
Write a haiku about autumn.
How are you?
Hello!
Hi, nice to meet you.
Good morning!
Good night.
Thank you.
Thanks, that was helpful.
I am bored.
I feel sad today.
I am happy.
What is your favourite colour?
Do you like music?
Can you help me with my homework?
What should I cook for dinner?
Give me a recipe for pancakes.
How do I boil an egg?
How long does pasta take to cook?
What can I make with potatoes and cheese?
How do I make tea?
Why is the sky blue?
Why is the sea salty?
Why do leaves turn red in autumn?
Why do cats purr?
Why do dogs bark?
Why do we sleep?
Why is the grass green?
Why does it rain?
Why do we have seasons?
Why does ice float?
How do birds fly?
How do fish breathe?
How does a plane stay in the air?
How does a refrigerator work?
How does a microwave oven work?
How does a clock keep time?
How do vaccines work?
How do plants grow?
How do magnets work?
How is paper made?
How is glass made?
How far away is the moon?
How old is the Earth?
How many planets are there?
How many legs does a spider have?
How many days are in a leap year?
How many continents are there?
What is the capital of France?
What is the capital of Japan?
What is the capital of Brazil?
What is the capital of Egypt?
What is the capital of Canada?
What is the largest ocean?
What is the longest river in the world?
What is the highest mountain?
What is the smallest country?
What is the fastest animal?
What is the largest animal?
What is photosynthesis?
What is gravity?
What is an atom?
What is electricity?
What is DNA?
What is a black hole?
What is a volcano?
What is an earthquake?
What is a rainbow?
What is the internet?
What is a computer program?
What is artificial intelligence?
What is machine learning?
What is a prime number?
What is pi?
What is seven times eight?
What is 12 plus 30?
What is half of 90?
What is the square root of 81?
What is democracy?
What is inflation?
What is a haiku?
What is a metaphor?
What is jazz?
What is yoga?
What is a good hobby?
What is the best way to learn a language?
What is the best way to fall asleep?
What is the meaning of the word "curious"?
What is the opposite of cold?
What is another word for happy?
What is the past tense of "go"?
What does "break a leg" mean?
What does a doctor do?
What does a farmer do?
What do pandas eat?
What do bees do?
What do you know about Mars?
What do you know about dinosaurs?
What do you know about the Roman Empire?
What happens when water boils?
What happens when you mix red and blue?
What makes a good friend?
What makes people laugh?
Who was Albert Einstein?
Who was Marie Curie?
Who was William Shakespeare?
Who was Leonardo da Vinci?
Who was Ada Lovelace?
Who invented the telephone?
Who painted the Mona Lisa?
Who wrote Romeo and Juliet?
Who was the first person on the moon?
When did the Second World War end?
When was the printing press invented?
When is the best time to plant tomatoes?
Where do penguins live?
Where does coffee come from?
Where is the Great Wall?
Where is the Amazon rainforest?
Name three fruits.
Name five animals that live in the sea.
Name some famous composers.
Name a few healthy snacks.
Name the days of the week.
Name the colours of the rainbow.
Count from one to ten.
Count backwards from five.
Spell the word "elephant".
List three uses of a paper clip.
List the steps to plant a tree.
List some things to pack for a trip.
List ways to save energy at home.
Explain how a bicycle works.
Explain what a robot is.
Explain what a language model is.
Explain the water cycle.
Explain the rules of chess in a few words.
Explain what money is to a child.
Explain why exercise is good.
Describe a sunset.
Describe the taste of chocolate.
Describe a typical day in a school.
Describe your perfect holiday.
Give me some advice for a job interview.
Give me three tips for better sleep.
Give me a fun fact.
Give me a riddle.
Give me a compliment.
Give me an idea for a birthday present.
Give me a name for a puppy.
Suggest a book to read.
Suggest a film for tonight.
Suggest a game for two people.
Suggest a walk in the mountains.
Write a short letter to my grandmother.
Write a short email to my boss saying that I am ill.
Write a sentence with the word "lantern".
Write a birthday message for a friend.
Write a limerick.
Write a list of groceries.
Translate "good morning" into French.
Translate "thank you" into Spanish.
Translate "I love you" into German.
Summarise the story of Cinderella.
Summarise what a democracy is in one sentence.
Compare cats and dogs.
Compare tea and coffee.
Is the Earth flat?
Is a tomato a fruit?
Is it safe to drink sea water?
Is it healthy to eat chocolate?
Is Python a good first programming language?
Are whales fish?
Are bats blind?
Can fish sleep?
Can dogs see colours?
Can plants hear?
Can you tell me about the sun?
Can you explain gravity to a child?
Can you write a line of Python that prints hello?
Could you tell me how rain forms?
Do you dream?
Do you know a tongue twister?
Do trees talk to each other?
Does the moon have an atmosphere?
Should I learn to play the piano?
Should I drink more water?
I have a headache, what can I do?
I want to learn to draw.
I want to run a marathon.
I want to save money.
My plant is dying, what should I do?
My friend is angry with me.
My bicycle has a flat tyre.
The weather is nice today.
It is my birthday.
Let's talk about music.
Let's talk about space.
Let's play a game.
You are funny.
You are very kind.
That is wrong.
I do not understand.
Say that again, please.
What should I name my boat?
What should I wear when it snows?
What should I do on a rainy day?
How can I be more productive?
How can I make new friends?
How can I stop biting my nails?
How can I remember names?
How do I tie a tie?
How do I change a light bulb?
How do I grow tomatoes?
How do I clean a window?
How do I write a good story?
How do I learn to swim?
How do I calm down?
How do you say "cat" in Italian?
How much water should I drink a day?
How much does an elephant weigh?
How long is a marathon?
How hot is the sun?
How fast is light?
How deep is the ocean?
"""


def all_prompts() -> list[str]:
    """All of them, in an order that is always the same and mixes their kinds."""
    prompts: list[str] = list(_ASKED.strip().splitlines())
    random.Random(0).shuffle(prompts)
    return prompts
