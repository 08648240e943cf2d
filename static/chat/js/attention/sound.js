/** A short sound for alerts, if the reader turned it on. Browsers allow it after the first click or key press. */
import { APP_LAUNCHED, MENU_CHOSEN, SOUND_CHANGED, subscribeAll } from "../app/events.js";
import { now } from "../kit/elapsed.js";
import { openStore } from "../kit/store.js";
import { alertDue, roomDue } from "./signals.js";

const KEY = "sound";
const NOTES = [
  { hertz: 659.3, at: 0 }, // E5, and a fifth above it.
  { hertz: 987.8, at: 0.11 },
];
const NOTE_SECONDS = 0.55;
const PEAK = 0.09; // Volume, 0 to 1: audible beside speech or music, but not startling.
const SILENCE = 0.0001; // An exponential ramp can't end at 0.
const PAUSE_MS = 3_000; // Between two sounds, also in a busy room.
const LATE_MS = 1_000; // A later sound would be meaningless.

/** @param {Mounting} at */
export function mount({ events }) {
  const store = openStore("localStorage");
  let context = null;
  let last = null; // The last note of the current sound.
  let rungAt = -Infinity;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: publish,
      [MENU_CHOSEN]({ entry }) {
        if (entry !== "sound") return;
        store.set(KEY, !isOn());
        publish();
        if (isOn()) chime(); // A sample.
      },
    }),
    alertDue.listen(ring),
    roomDue.listen(ring),
    store.watch(KEY, publish),
  ];

  function ring() {
    if (!isOn() || now() - rungAt < PAUSE_MS) return;
    rungAt = now();
    chime();
  }

  function isOn() {
    return store.get(KEY) === true;
  }

  function publish() {
    events.publish(SOUND_CHANGED, { isOn: isOn() });
  }

  async function chime() {
    if (!window.AudioContext || navigator.userActivation?.hasBeenActive === false) return;
    const asked = now();
    context ??= new AudioContext();
    await context.resume();
    if (now() - asked > LATE_MS) return;
    const [end] = NOTES.map(play).reverse();
    last = end;
    end.onended = () => last === end && context?.suspend(); // A running context keeps the device awake.
  }

  function play({ hertz, at }) {
    const start = context.currentTime + at;
    const note = new OscillatorNode(context, { frequency: hertz });
    const volume = new GainNode(context, { gain: SILENCE });
    volume.gain.setValueAtTime(SILENCE, start);
    volume.gain.exponentialRampToValueAtTime(PEAK, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(SILENCE, start + NOTE_SECONDS);
    note.connect(volume).connect(context.destination);
    note.start(start);
    note.stop(start + NOTE_SECONDS);
    return note;
  }

  return function unmount() {
    ends.forEach((end) => end());
    context?.close();
    context = null;
  };
}
