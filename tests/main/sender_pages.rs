//! The pages of `docs/senders`: the source of each page is created as it says, and its bodies become the events that it shows,
//! both in the preview and as signed requests.

use std::{fs, path::Path};

use jiff::civil::date;
use latchkey::{
    ingest::signature::{Settings, Verification, sign_by},
    store::{convert::kinds::stored, row::SignatureScheme},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    api::{Signed, Source},
    world::World,
};

on_both!(the_examples_of_every_sender_are_true);

/// A fenced block of a page.
pub struct Block {
    /// The words after the fence, such as `json mapping`.
    pub info: String,
    pub text: String,
}

/// The fenced blocks of a Markdown text.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in page.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(info) if !is_open => {
                is_open = true;
                blocks.push(Block {
                    info: info.trim().to_owned(),
                    text: String::new(),
                });
            }
            Some(_) => is_open = false,
            None if is_open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The pages of a directory below `docs`, by file name.
pub fn pages(directory: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(directory);
    let mut pages: Vec<(String, String)> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    pages.sort();
    pages
}

/// A body of a page, whether it is a form, and the events that the page shows for it.
struct Example {
    body: String,
    is_form: bool,
    events: Value,
}

fn examples(name: &str, blocks: &[Block]) -> Vec<Example> {
    let of_body = |block: &&Block| block.info.ends_with(" body");
    let bodies = blocks.iter().filter(of_body).count();
    let pairs = blocks
        .windows(2)
        .filter(|pair| pair[0].info.ends_with(" body") && pair[1].info == "json events");
    let examples: Vec<Example> = pairs
        .map(|pair| Example {
            body: pair[0].text.trim().to_owned(),
            is_form: pair[0].info == "form body",
            events: serde_json::from_str(&pair[1].text).unwrap(),
        })
        .collect();
    assert_eq!(
        (examples.len(), bodies > 1),
        (bodies, true),
        "{name}: each body has its events"
    );
    examples
}

async fn the_examples_of_every_sender_are_true(world: &mut World) {
    let pages = pages("senders");
    assert!(
        pages.len() > 8,
        "PushPress, Mindbody, OfficeRnD, Nexudus, Glofox, Stripe, Zapier, Make"
    );
    world.turn_to(
        date(2026, 4, 1)
            .at(12, 0, 0, 0)
            .in_tz("Europe/Berlin")
            .unwrap()
            .timestamp(),
    );
    for (name, page) in pages {
        let blocks = blocks(&page);
        let mapping = blocks.iter().find(|block| block.info == "json mapping");
        let mapping: Value = serde_json::from_str(&mapping.unwrap().text).unwrap();
        let create: Vec<&Block> = blocks
            .iter()
            .filter(|block| block.info == "graphql")
            .collect();
        let [create] = create[..] else {
            panic!("{name} has other GraphQL than the creation of its source");
        };
        let (source, verification) = create_source(world, &create.text, &mapping).await;
        for (number, example) in examples(&name, &blocks).into_iter().enumerate() {
            let what = format!("{name}, example {}", number + 1);
            check(world, &mapping, &source, &verification, &example, &what).await;
        }
    }
    world.settled().await;
    let failed = "{ sources { name failedDeliveries } }";
    let failed = world.api.query(failed, json!({})).await;
    for source in failed["sources"].as_array().unwrap() {
        assert_eq!(source["failedDeliveries"], 0, "{source}");
    }
}

async fn create_source(world: &World, document: &str, mapping: &Value) -> (Source, Verification) {
    let made = world
        .api
        .query(document, json!({ "mapping": mapping }))
        .await;
    let made = &made["createSource"];
    assert_eq!(made["userErrors"], json!([]), "{document}");
    let query = "query($id: ID!) { node(id: $id) { ... on Source { webhookPath signature signatureRule {
        header prefix encoding content timestamp { header prefix unit } eventId { header path } algorithm secretEncoding } } } }";
    let read = world
        .api
        .query(query, json!({ "id": made["source"]["id"] }))
        .await;
    let scheme = stored::<SignatureScheme>(read["node"]["signature"].as_str().unwrap()).unwrap();
    let verification = Verification::preset(scheme).unwrap_or_else(|| {
        let rule = read["node"]["signatureRule"].to_string();
        Settings::from_json(&rule)
            .unwrap()
            .verification(scheme)
            .unwrap()
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let source = Source {
        id: text(&made["source"]["id"]),
        path: text(&read["node"]["webhookPath"]),
        secret: SecretString::from(text(&made["secret"])),
    };
    (source, verification)
}

async fn check(
    world: &World,
    mapping: &Value,
    source: &Source,
    verification: &Verification,
    example: &Example,
    what: &str,
) {
    let body = if example.is_form {
        json!(example.body)
    } else {
        serde_json::from_str(&example.body).unwrap()
    };
    let query = "query($mapping: JSON!, $body: JSON!, $source: ID!) {
        previewMapping(mapping: $mapping, body: $body, source: $source) { events problems { message } } }";
    let variables = json!({ "mapping": mapping, "body": body, "source": source.id });
    let mut shown = world.api.query(query, variables).await["previewMapping"].take();
    assert_eq!(shown["problems"], json!([]), "{what}");
    for event in shown["events"].as_array_mut().unwrap() {
        assert!(event.as_object_mut().unwrap().remove("timestamp").is_some());
    }
    assert_eq!(
        shown["events"], example.events,
        "{what}: {:#}",
        shown["events"]
    );
    let bytes = example.body.clone().into_bytes();
    let now = world.clock.now();
    let mut headers = sign_by(verification, &source.secret, "one", now, &bytes).unwrap();
    if example.is_form {
        let form = "application/x-www-form-urlencoded".to_owned();
        headers.push(("content-type".to_owned(), form));
    }
    let signed = Signed {
        headers,
        body: bytes,
    };
    let answer = world.api.deliver(source, signed).await;
    assert_eq!(answer.word(), (202, "accepted"), "{what}: {answer:?}");
}
