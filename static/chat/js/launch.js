/** Starts the page: mounts every module on its own element. The one place that knows which modules there are. */
import { APP_LAUNCHED } from "./events.js";
import * as alertNotice from "./alert-notice.js";
import * as alertSettings from "./alert-settings.js";
import * as alerts from "./alerts.js";
import * as amendmentNotice from "./amendment-notice.js";
import * as amendments from "./amendments.js";
import * as announce from "./announce.js";
import * as appBadge from "./app-badge.js";
import * as attention from "./attention.js";
import * as build from "./build.js";
import * as composer from "./composer.js";
import * as connection from "./connection.js";
import * as copying from "./copying.js";
import * as divider from "./divider.js";
import * as editing from "./editing.js";
import * as elsewhere from "./elsewhere.js";
import * as favicon from "./favicon.js";
import * as filter from "./filter.js";
import * as filterBanner from "./filter-banner.js";
import * as filterEmpty from "./filter-empty.js";
import * as header from "./header.js";
import * as help from "./help.js";
import * as identity from "./identity.js";
import * as idle from "./idle.js";
import * as language from "./language.js";
import * as lostFocus from "./lost-focus.js";
import * as menu from "./menu.js";
import * as messageList from "./message-list.js";
import * as moderation from "./moderation.js";
import * as moderationNotice from "./moderation-notice.js";
import * as notify from "./notify.js";
import * as offlinePage from "./offline-page.js";
import * as outbox from "./outbox.js";
import * as people from "./people.js";
import * as quotes from "./quotes.js";
import * as reactionPicker from "./reaction-picker.js";
import * as reactions from "./reactions.js";
import * as readOnly from "./read-only.js";
import * as reading from "./reading.js";
import * as replying from "./replying.js";
import * as roomAbout from "./room-about.js";
import * as roomDescribe from "./room-describe.js";
import * as roomKeys from "./room-keys.js";
import * as roomList from "./room-list.js";
import * as roomMake from "./room-make.js";
import * as roomSwitcher from "./room-switcher.js";
import * as rooms from "./rooms.js";
import * as roster from "./roster.js";
import * as rules from "./rules.js";
import * as screenName from "./screen-name.js";
import * as scroll from "./scroll.js";
import * as search from "./search.js";
import * as shortcuts from "./shortcuts.js";
import * as shutOut from "./shut-out.js";
import * as sidebar from "./sidebar.js";
import * as socket from "./socket.js";
import * as sound from "./sound.js";
import * as suggest from "./suggest.js";
import * as takingBack from "./taking-back.js";
import * as theme from "./theme.js";
import * as timeline from "./timeline.js";
import * as title from "./title.js";
import * as topic from "./topic.js";
import * as typing from "./typing.js";
import * as viewport from "./viewport.js";

const MODULES = {
  "alert-notice": alertNotice,
  "alert-settings": alertSettings,
  alerts,
  "amendment-notice": amendmentNotice,
  amendments,
  announce,
  "app-badge": appBadge,
  attention,
  build,
  composer,
  connection,
  copying,
  divider,
  editing,
  elsewhere,
  favicon,
  filter,
  "filter-banner": filterBanner,
  "filter-empty": filterEmpty,
  header,
  help,
  identity,
  idle,
  language,
  "lost-focus": lostFocus,
  menu,
  "message-list": messageList,
  moderation,
  "moderation-notice": moderationNotice,
  notify,
  "offline-page": offlinePage,
  outbox,
  people,
  quotes,
  "reaction-picker": reactionPicker,
  reactions,
  "read-only": readOnly,
  reading,
  replying,
  "room-about": roomAbout,
  "room-describe": roomDescribe,
  "room-keys": roomKeys,
  "room-list": roomList,
  "room-make": roomMake,
  "room-switcher": roomSwitcher,
  rooms,
  roster,
  rules,
  "screen-name": screenName,
  scroll,
  search,
  shortcuts,
  "shut-out": shutOut,
  sidebar,
  socket,
  sound,
  suggest,
  "taking-back": takingBack,
  theme,
  timeline,
  title,
  topic,
  typing,
  viewport,
};

/**
 * Mounts all modules, then says `app:launched`: what starts something waits for that, so the order of mounting is of no matter.
 *
 * A module's root is the element marked with its name in `data-module`; one without an element gets the page's.
 * Returns the way to take all of them away again.
 */
export function launch({ events, root }) {
  const unmounts = [];
  for (const [name, module] of Object.entries(MODULES)) {
    try {
      unmounts.push(module.mount({ events, root: root.querySelector(`[data-module="${name}"]`) ?? root }));
    } catch (error) {
      reportError(error); // A broken module is missed; the others still work.
    }
  }
  events.publish(APP_LAUNCHED);
  return () => unmounts.forEach((unmount) => unmount());
}
