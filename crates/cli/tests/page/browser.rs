//! Debian's Chromium without a window, driven over its DevTools protocol: a person's eyes, fingers
//! and keyboard, and nothing of the page's own code.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// Where Debian puts it. `None`, and a line that says so, where there is none.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = Path::new("/usr/bin/chromium");
    if path.exists() {
        return Some(path.to_owned());
    }
    let is_required = std::env::var("COMITY_BROWSER").is_ok_and(|v| v == "required");
    assert!(!is_required, "no chromium: apt-get install chromium");
    println!("not tested: there is no chromium (apt-get install chromium)");
    None
}

/// One tab of a browser of its own.
pub(crate) struct Browser {
    socket: WebSocketStream<TcpStream>,
    session: String,
    next: u64,
    _process: Child,
    _profile: TempDir,
}

impl Browser {
    pub(crate) async fn start(chromium: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(chromium);
        // In a container there is no sandbox to be had, and nothing here comes from outside.
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .args(["--disable-background-networking", "--mute-audio"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap();
            let line = line.expect("chromium ended before it listened");
            if let Some(url) = line.strip_prefix("DevTools listening on ") {
                break url.trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = url.split('/').nth(2).unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(url.as_str(), stream).await.unwrap();
        let mut browser = Self {
            socket,
            session: String::new(),
            next: 0,
            _process: process,
            _profile: profile,
        };
        let target = browser
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        browser.call("Page.enable", json!({})).await;
        let note = "window.violations = []; document.addEventListener('securitypolicyviolation', \
                    e => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));";
        let script = json!({"source": note});
        browser
            .call("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
        browser
    }

    /// A telephone's screen, or another width.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 2,
            "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", screen)
            .await;
    }

    /// Light or dark, as the person's system is set.
    pub(crate) async fn prefer(&mut self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .await;
    }

    pub(crate) async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.until("document.readyState === 'complete'").await;
    }

    /// What an expression is worth in the page.
    pub(crate) async fn eval(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", ask).await;
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Waits for an expression to be true.
    pub(crate) async fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.eval(expression).await != json!(true) {
            if Instant::now() > deadline {
                let page = self.eval("document.body.innerText").await;
                panic!("never: {expression}\n{}", page.as_str().unwrap_or_default());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// All text that a person sees in an element.
    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = format!("document.querySelector({})?.innerText", json!(selector));
        self.eval(&text)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Touches the middle of an element.
    pub(crate) async fn click(&mut self, selector: &str) {
        let find = format!(
            "(() => {{ const e = document.querySelector({}); if (!e) return null; \
             e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let place = self.eval(&find).await;
        assert!(place.is_array(), "there is no {selector}");
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1],
                "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Touches an element until that shows: a list that was just drawn anew may have taken it away
    /// under the finger.
    pub(crate) async fn press(&mut self, selector: &str, shows: &str) {
        for _ in 0..5 {
            if self.eval(shows).await == json!(true) {
                return;
            }
            self.click(selector).await;
            let deadline = Instant::now() + Duration::from_secs(4);
            while Instant::now() < deadline {
                if self.eval(shows).await == json!(true) {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.until(shows).await;
    }

    /// Types into an element.
    pub(crate) async fn write(&mut self, selector: &str, text: &str) {
        self.click(selector).await;
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// The whole page as a picture for people.
    pub(crate) async fn picture(&mut self, name: &str) {
        let ask = json!({"format": "png", "captureBeyondViewport": true});
        let shot = self.call("Page.captureScreenshot", ask).await;
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&place).unwrap();
        let octets = comity_jose::base64url::decode(
            &shot["data"]
                .as_str()
                .unwrap()
                .replace('+', "-")
                .replace('/', "_")
                .replace('=', ""),
        );
        std::fs::write(place.join(format!("{name}.png")), octets.unwrap()).unwrap();
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut ask = json!({"id": self.next, "method": method, "params": params});
        if !self.session.is_empty() {
            ask["sessionId"] = self.session.clone().into();
        }
        self.socket
            .send(Message::text(ask.to_string()))
            .await
            .unwrap();
        loop {
            let message = self.socket.next().await.expect("chromium ended").unwrap();
            let Message::Text(text) = message else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.next {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }
}
