/** What `tsc` must find in the page's scripts: it fails where one of these lines has no error. Nothing runs this. */
import { FILTER_CHANGED, FOCUS_COMPOSER, ROOM_CHANGED, SEND_COMMAND, makeBus, request, subscribeAll } from "../../static/chat/js/app/events.js";

const events = makeBus();

// @ts-expect-error: no such event
events.publish("filter:altered", { filter: null });
// @ts-expect-error: the payload is missing
events.publish(FILTER_CHANGED);
// @ts-expect-error: a payload where there is none
events.publish(FOCUS_COMPOSER, { isDone: true });
// @ts-expect-error: no such command
events.publish(SEND_COMMAND, { command: { type: "shout" } });
// @ts-expect-error: no such command
request(events, { type: "shout" }, () => {});
// @ts-expect-error: it may be refused
request(events, { type: "sync", since: 1 }, (answer) => answer.messages);
// @ts-expect-error: no such field
subscribeAll(events, { [ROOM_CHANGED]: ({ slug }) => slug });
// @ts-expect-error: it may be missing
subscribeAll(events, { [ROOM_CHANGED]: ({ room }) => room.topic.length });
events.publish(FOCUS_COMPOSER);
events.publish(FILTER_CHANGED, { filter: null });
