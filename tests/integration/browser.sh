# shellcheck shell=bash
# A browser for stories: Debian's chromium without a window, driven by its chromedriver (WebDriver) with
# curl.  Scripts hold no double quotes and no backslashes, so that they stand in JSON as they are.

webdriver() { # METHOD PATH [JSON]
	curl -s --max-time $((30 * SLOW)) -X "$1" -H "Content-Type: application/json" \
		${3:+--data-binary "$3"} "$WEBDRIVER$2"
}

# The session's address is in WEBDRIVER.
start_browser() {
	local session options

	ports 1
	WEBDRIVER=http://127.0.0.1:${PORTS[0]}
	mkdir -p "$T/browser"
	start chromedriver env "HOME=$T/browser" "TMPDIR=$T/browser" chromedriver "--port=${PORTS[0]}"
	wait_for 30 says '"ready": ?true' webdriver GET /status || die 'chromedriver does not come up'
	options='"--headless=new","--no-sandbox","--disable-gpu","--disable-dev-shm-usage","--no-first-run",'
	options+='"--disable-background-networking","--disable-component-update","--window-size=1280,860"'
	session=$(webdriver POST /session '{"capabilities":{"alwaysMatch":{"goog:chromeOptions":{"args":['"$options"']},
		"goog:loggingPrefs":{"browser":"ALL"}}}}' | sed -n 's/.*"sessionId": *"\([0-9a-f]*\)".*/\1/p')
	[[ -n $session ]] || die 'the browser does not start'
	WEBDRIVER+=/session/$session
}
stop_browser() { webdriver DELETE '' >/dev/null; }

# What is open is left behind; so the same address is loaded anew.
open_page() { # URL
	webdriver POST /url '{"url":"about:blank"}' >/dev/null
	webdriver POST /url "{\"url\":\"$1\"}" >/dev/null
}

# js EXPRESSION: its value as JSON, a text without its quotes
js() {
	webdriver POST /execute/sync "{\"script\":\"return $1\",\"args\":[]}" |
		sed -E 's/^\{"value":(.*)\}$/\1/; s/^"(.*)"$/\1/'
}
js_is() { [[ $(js "$1") == "$2" ]]; } # EXPRESSION VALUE

# Type into what has the focus.
type_keys() { # TEXT
	local keys='' i

	for ((i = 0; i < ${#1}; i++)); do
		keys+="{\"type\":\"keyDown\",\"value\":\"${1:i:1}\"},{\"type\":\"keyUp\",\"value\":\"${1:i:1}\"},"
	done
	webdriver POST /actions "{\"actions\":[{\"type\":\"key\",\"id\":\"keys\",\"actions\":[${keys%,}]}]}" >/dev/null
}

# look WIDTH HEIGHT light|dark
look() {
	webdriver POST /goog/cdp/execute '{"cmd":"Emulation.setDeviceMetricsOverride","params":
		{"width":'"$1"',"height":'"$2"',"deviceScaleFactor":1,"mobile":false}}' >/dev/null
	webdriver POST /goog/cdp/execute '{"cmd":"Emulation.setEmulatedMedia","params":
		{"features":[{"name":"prefers-color-scheme","value":"'"$3"'"}]}}' >/dev/null
}

# Of the page as it is, below the folder PICTURES, if there is such a variable.
picture() { # NAME
	[[ -n ${PICTURES:-} ]] || return 0
	webdriver GET /screenshot | sed -E 's/^\{"value":"(.*)"\}$/\1/' | base64 -d >"$PICTURES/$1.png"
}

# What the browser has complained of since it was last asked: failed scripts, what a page's policy forbids.
complaints() { webdriver POST /se/log '{"type":"browser"}' | sed -E 's/^\{"value":(.*)\}$/\1/'; }
