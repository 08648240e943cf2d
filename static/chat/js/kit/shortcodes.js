/** The most common of the server's emoji shortcodes, for suggestions: `{name, emoji}`. A test compares them. */
const TEXT = `
  smile 😄 smiley 😃 grinning 😀 grin 😁 laughing 😆 joy 😂 rofl 🤣 wink 😉 blush 😊 slightly_smiling_face 🙂
  upside_down_face 🙃 innocent 😇 heart_eyes 😍 star_struck 🤩 kissing_heart 😘 yum 😋 stuck_out_tongue 😛 zany_face 🤪
  hugs 🤗 thinking 🤔 zipper_mouth_face 🤐 neutral_face 😐 expressionless 😑 smirk 😏 unamused 😒 roll_eyes 🙄 grimacing
  😬 relieved 😌 pensive 😔 sleepy 😪 sleeping 😴 mask 😷 nauseated_face 🤢 hot_face 🥵 cold_face 🥶 dizzy_face 😵
  exploding_head 🤯 partying_face 🥳 sunglasses 🕶️ nerd_face 🤓 confused 😕 worried 😟 slightly_frowning_face 🙁
  open_mouth 😮 hushed 😯 astonished 😲 flushed 😳 pleading_face 🥺 fearful 😨 cold_sweat 😰 cry 😢 sob 😭 scream 😱
  confounded 😖 disappointed 😞 sweat 😓 weary 😩 tired_face 😫 yawning_face 🥱 triumph 😤 rage 😡 angry 😠 skull 💀 poop
  💩 clown_face 🤡 ghost 👻 alien 👽 robot 🤖 see_no_evil 🙈 hear_no_evil 🙉 speak_no_evil 🙊 heart ❤️ orange_heart 🧡
  yellow_heart 💛 green_heart 💚 blue_heart 💙 purple_heart 💜 black_heart 🖤 white_heart 🤍 broken_heart 💔 two_hearts
  💕 sparkling_heart 💖 100 💯 boom 💥 sparkles ✨ dizzy 💫 sweat_drops 💦 zzz 💤 wave 👋 raised_hand ✋ ok_hand 👌 v ✌️
  crossed_fingers 🤞 metal 🤘 call_me_hand 🤙 point_left 👈 point_right 👉 point_up ☝️ point_down 👇 +1 👍 -1 👎 fist ✊
  clap 👏 raised_hands 🙌 open_hands 👐 handshake 🤝 pray 🙏 writing_hand ✍️ muscle 💪 eyes 👀 brain 🧠 tongue 👅 baby 👶
  man 👨 woman 👩 shrug 🤷 facepalm 🤦 bow 🙇 dancer 💃 family 👪 dog 🐶 cat 🐱 mouse 🐭 hamster 🐹 rabbit 🐰 fox_face 🦊
  bear 🐻 panda_face 🐼 koala 🐨 tiger 🐯 lion 🦁 cow 🐮 pig 🐷 frog 🐸 monkey 🐒 chicken 🐔 penguin 🐧 bird 🐦 duck 🦆 owl 🦉
  unicorn 🦄 bee 🐝 bug 🐛 butterfly 🦋 snail 🐌 turtle 🐢 snake 🐍 octopus 🐙 fish 🐟 dolphin 🐬 whale 🐋 cactus 🌵
  christmas_tree 🎄 evergreen_tree 🌲 deciduous_tree 🌳 palm_tree 🌴 seedling 🌱 herb 🌿 four_leaf_clover 🍀 maple_leaf
  🍁 mushroom 🍄 rose 🌹 sunflower 🌻 tulip 🌷 earth_africa 🌍 full_moon 🌕 crescent_moon 🌙 sunny ☀️ star ⭐ star2 🌟
  cloud ☁️ rainbow 🌈 umbrella ☔ snowflake ❄️ snowman ⛄ zap ⚡ fire 🔥 droplet 💧 ocean 🌊 apple 🍎 banana 🍌 lemon 🍋
  watermelon 🍉 grapes 🍇 strawberry 🍓 cherries 🍒 peach 🍑 tomato 🍅 avocado 🥑 carrot 🥕 corn 🌽 bread 🍞 cheese 🧀 egg
  🥚 hamburger 🍔 fries 🍟 pizza 🍕 taco 🌮 sushi 🍣 ice_cream 🍨 cookie 🍪 cake 🍰 birthday 🎂 chocolate_bar 🍫 candy 🍬
  popcorn 🍿 coffee ☕ tea 🍵 beer 🍺 beers 🍻 wine_glass 🍷 cocktail 🍸 champagne 🍾 soccer ⚽ basketball 🏀 tennis 🎾
  trophy 🏆 medal_sports 🏅 dart 🎯 video_game 🎮 game_die 🎲 art 🎨 guitar 🎸 musical_note 🎵 headphones 🎧 microphone 🎤
  movie_camera 🎥 car 🚗 taxi 🚕 bus 🚌 train 🚋 bike 🚲 airplane ✈️ rocket 🚀 ship 🚢 anchor ⚓ house 🏠 school 🏫
  hospital 🏥 tent ⛺ watch ⌚ alarm_clock ⏰ hourglass ⌛ phone ☎️ computer 💻 keyboard ⌨️ bulb 💡 battery 🔋 wrench 🔧
  hammer 🔨 gear ⚙️ lock 🔒 unlock 🔓 key 🔑 mag 🔍 link 🔗 paperclip 📎 scissors ✂️ pencil ✏️ memo 📝 book 📖 books 📚
  calendar 📆 email 📧 package 📦 gift 🎁 balloon 🎈 tada 🎉 confetti_ball 🎊 bell 🔔 no_bell 🔕 mega 📣 white_check_mark
  ✅ heavy_check_mark ✔️ x ❌ warning ⚠️ no_entry ⛔ question ❓ exclamation ❗ recycle ♻️ arrow_up ⬆️ arrow_down ⬇️
  arrow_left ⬅️ arrow_right ➡️ red_circle 🔴 green_circle 🟢 large_blue_circle 🔵 checkered_flag 🏁 white_flag 🏳️
  rainbow_flag 🏳️‍🌈
`;

export const SHORTCODES = [...TEXT.matchAll(/(\S+)\s+(\S+)/g)].map(([, name, emoji]) => ({ name, emoji }));
