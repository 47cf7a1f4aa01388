//! The body of a message, as a person gives it.

use crate::exit::Trouble;
use serde_json::{Map, Value, json};
use std::io::Read;

/// Reads a body: JSON, `@FILE`, `-` for standard input, nothing for an empty one. Text that is no
/// JSON becomes the content of a basic message.
pub(crate) fn read(given: Option<&str>, type_: &str) -> Result<Value, Trouble> {
    let text = match given {
        None => return Ok(Value::Object(Map::new())),
        Some("-") => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|why| {
                Trouble::failed("can't read standard input").means(why.to_string())
            })?;
            text
        }
        Some(given) => match given.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file).map_err(|why| {
                Trouble::failed(format!("can't read {file}")).means(why.to_string())
            })?,
            None => given.to_owned(),
        },
    };
    parse(&text, type_)
}

fn parse(text: &str, type_: &str) -> Result<Value, Trouble> {
    match serde_json::from_str(text) {
        Ok(body @ Value::Object(_)) => Ok(body),
        _ if type_ == BASIC_MESSAGE => Ok(json!({"content": text.trim_end_matches('\n')})),
        Ok(_) => Err(Trouble::usage("a body is a JSON object").next(EXAMPLES)),
        Err(why) => Err(Trouble::usage("the body is not JSON")
            .means(why.to_string())
            .next(EXAMPLES)),
    }
}

const BASIC_MESSAGE: &str = "https://didcomm.org/basicmessage/2.0/message";
const EXAMPLES: &str = "'{\"rows\":3}'   or   @FILE   or   - for standard input";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object() {
        assert_eq!(parse(r#"{"rows":3}"#, "x"), Ok(json!({"rows": 3})));
        assert!(parse("[1]", "x").is_err());
        assert!(parse("hello", "x").is_err());
        assert_eq!(read(None, "x"), Ok(json!({})));
    }

    #[test]
    fn plain_words_are_a_basic_message() {
        let content = json!({"content": "hello there"});
        assert_eq!(parse("hello there\n", BASIC_MESSAGE), Ok(content.clone()));
        assert_eq!(
            parse(r#"{"content":"hello there"}"#, BASIC_MESSAGE),
            Ok(content)
        );
    }
}
