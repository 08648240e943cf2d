/** Starts the page: mounts every module on its element. The only file that knows all modules. */
import { APP_LAUNCHED } from "./events.js";
import * as alertNotice from "../attention/alert-notice.js";
import * as alertSettings from "../attention/alert-settings.js";
import * as alerts from "../attention/alerts.js";
import * as pendingChangesNotice from "../messages/pending-changes-notice.js";
import * as pendingChanges from "../messages/pending-changes.js";
import * as announce from "../attention/announce.js";
import * as appBadge from "../attention/app-badge.js";
import * as attention from "../attention/attention.js";
import * as updateNotice from "../connection/update-notice.js";
import * as elsewhere from "../attention/elsewhere.js";
import * as composer from "../composer/composer.js";
import * as connectionBar from "../connection/connection-bar.js";
import * as copying from "../messages/copying.js";
import * as divider from "../timeline/divider.js";
import * as enterSetting from "../composer/enter-setting.js";
import * as editing from "../composer/editing.js";
import * as unreadElsewhere from "../rooms/unread-elsewhere.js";
import * as emptyRoom from "../timeline/empty-room.js";
import * as favicon from "../attention/favicon.js";
import * as filter from "../filters/filter.js";
import * as filterBanner from "../filters/filter-banner.js";
import * as filterEmpty from "../filters/filter-empty.js";
import * as roomHeader from "../rooms/room-header.js";
import * as formatting from "../composer/formatting.js";
import * as hostPage from "../embed/host-page.js";
import * as help from "../composer/help.js";
import * as identity from "../connection/identity.js";
import * as idle from "../connection/idle.js";
import * as language from "../shell/language.js";
import * as focusFallback from "../shell/focus-fallback.js";
import * as menu from "../shell/menu.js";
import * as messageList from "../timeline/message-list.js";
import * as moderation from "../moderation/moderation.js";
import * as moderationNotice from "../moderation/moderation-notice.js";
import * as newIdentity from "../connection/new-identity.js";
import * as notify from "../attention/notify.js";
import * as offlinePage from "../shell/offline-page.js";
import * as outbox from "../composer/outbox.js";
import * as pasting from "../composer/pasting.js";
import * as people from "../people/people.js";
import * as quotes from "../messages/quotes.js";
import * as emojiPicker from "../messages/emoji-picker.js";
import * as reactions from "../messages/reactions.js";
import * as readOnly from "../composer/read-only.js";
import * as readMarker from "../timeline/read-marker.js";
import * as replying from "../composer/replying.js";
import * as roomAbout from "../rooms/room-about.js";
import * as roomDescribe from "../rooms/room-describe.js";
import * as roomHooks from "../rooms/room-hooks.js";
import * as roomKeys from "../rooms/room-keys.js";
import * as roomList from "../rooms/room-list.js";
import * as roomCreate from "../rooms/room-create.js";
import * as roomSwitcher from "../rooms/room-switcher.js";
import * as rooms from "../rooms/rooms.js";
import * as roomMemory from "../connection/room-memory.js";
import * as roster from "../people/roster.js";
import * as postingRules from "../composer/posting-rules.js";
import * as screenName from "../people/screen-name.js";
import * as scroll from "../timeline/scroll.js";
import * as search from "../search/search.js";
import * as session from "../people/session.js";
import * as shortcuts from "../shell/shortcuts.js";
import * as bannedScreen from "../moderation/banned-screen.js";
import * as bans from "../moderation/bans.js";
import * as sidebar from "../shell/sidebar.js";
import * as skipLink from "../shell/skip-link.js";
import * as socket from "../connection/socket.js";
import * as sound from "../attention/sound.js";
import * as autocomplete from "../composer/autocomplete.js";
import * as dateDialog from "../timeline/date-dialog.js";
import * as deleteOwn from "../messages/delete-own.js";
import * as theme from "../shell/theme.js";
import * as timeline from "../timeline/timeline.js";
import * as title from "../attention/title.js";
import * as toolbar from "../composer/toolbar.js";
import * as topic from "../rooms/topic.js";
import * as typing from "../composer/typing.js";
import * as viewport from "../shell/viewport.js";

/** The modules by the names of their elements. */
export const MODULES = {
  "alert-notice": alertNotice,
  "alert-settings": alertSettings,
  alerts,
  "pending-changes-notice": pendingChangesNotice,
  "pending-changes": pendingChanges,
  announce,
  "app-badge": appBadge,
  attention,
  "update-notice": updateNotice,
  composer,
  elsewhere,
  "connection-bar": connectionBar,
  "date-dialog": dateDialog,
  copying,
  divider,
  editing,
  "enter-setting": enterSetting,
  "unread-elsewhere": unreadElsewhere,
  "empty-room": emptyRoom,
  favicon,
  filter,
  "filter-banner": filterBanner,
  "filter-empty": filterEmpty,
  formatting,
  "room-header": roomHeader,
  "host-page": hostPage,
  help,
  identity,
  idle,
  language,
  "focus-fallback": focusFallback,
  menu,
  "message-list": messageList,
  moderation,
  "moderation-notice": moderationNotice,
  "new-identity": newIdentity,
  notify,
  "offline-page": offlinePage,
  outbox,
  pasting,
  people,
  quotes,
  "emoji-picker": emojiPicker,
  reactions,
  "read-only": readOnly,
  "read-marker": readMarker,
  replying,
  "room-about": roomAbout,
  "room-describe": roomDescribe,
  "room-hooks": roomHooks,
  "room-keys": roomKeys,
  "room-list": roomList,
  "room-memory": roomMemory,
  "room-create": roomCreate,
  "room-switcher": roomSwitcher,
  rooms,
  roster,
  "posting-rules": postingRules,
  "screen-name": screenName,
  scroll,
  search,
  session,
  shortcuts,
  "banned-screen": bannedScreen,
  bans,
  sidebar,
  "skip-link": skipLink,
  socket,
  sound,
  autocomplete,
  "delete-own": deleteOwn,
  theme,
  timeline,
  title,
  toolbar,
  topic,
  typing,
  viewport,
};

/**
 * Mounts all modules, then publishes `app:launched`. Modules that start something wait for it, so the order of mounting doesn't matter.
 *
 * A module's root is the element with its name in `data-module`, or the page's element if there is none.
 * Returns a function that unmounts all of them.
 */
export function launch({ events, root, modules }) {
  const unmounts = [];
  for (const [name, module] of Object.entries(modules)) {
    try {
      unmounts.push(module.mount({ events, root: root.querySelector(`[data-module="${name}"]`) ?? root }));
    } catch (error) {
      reportError(error); // The other modules still work.
    }
  }
  events.publish(APP_LAUNCHED);
  return () => unmounts.forEach((unmount) => unmount());
}
