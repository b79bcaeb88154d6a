// What every page does; each module looks for its own elements and does nothing without them.
import "./submit.js";
import "./sheet.js";
import "./countdown.js";
import "./keys.js";
