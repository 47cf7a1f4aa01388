//! The description of the agent's door. The same text is checked in as `openapi.json`: a
//! difference between the two is a change of the API, to be seen in review.

use super::http;
use ::http::HeaderValue;
use ::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::OnceLock;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The OpenAPI document of the agent's door, as served at `/openapi.json`.
#[must_use]
pub fn openapi() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = Door::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    })
}

pub(super) async fn serve() -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        openapi(),
    )
        .into_response()
}

/// Pushes deliveries and changes, and takes the same operations as the routes.
///
/// Frames are JSON texts. You send `{"op":"send","ref":1,…}`, and likewise `show`, `cancel`,
/// `settle`, `extend`, `whoami`, each with the members that its route takes and a `ref` of your
/// choosing; you get `{"op":"result","ref":1,"value":…}` or `{"op":"error","ref":1,"problem":…}`.
/// `{"op":"credit","n":8}` says how many unsettled deliveries you have room for; until then none
/// come. `{"op":"delivery",…}` and `{"op":"state","n":…,"message":…}` are pushed. Frames have at
/// most 2 MiB. Who does not read what was pushed is closed.
#[utoipa::path(
    get,
    path = "/v1/socket",
    tag = "deliveries",
    params(("after" = Option<u64>, Query, description = "Push changes after this number, instead of those from now on.")),
    responses((status = 101, description = "A WebSocket."), (status = 401, body = comity_api::Problem)),
)]
#[expect(dead_code, reason = "describes `socket::open`")]
fn socket() {}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Comity: the agent's door",
        description = "What an agent asks of the node beside it: send messages, lease deliveries, settle them. Errors are RFC 9457 problems; `next` says what to do.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        http::whoami,
        http::send,
        http::show,
        http::cancel,
        http::vouch,
        http::lease,
        http::settle,
        http::extend,
        http::events,
        socket,
    ),
    security(("token" = [])),
    modifiers(&Token),
    tags(
        (name = "agent", description = "Who you are."),
        (name = "messages", description = "Messages that you send."),
        (name = "deliveries", description = "Messages for you."),
    ),
)]
struct Door;

/// `Authorization: Bearer TOKEN`.
struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of agents/NAME.json. It names the agent."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}
