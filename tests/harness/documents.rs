//! OpenAPI documents as judges: which operation a request belongs to, which
//! schema its answer must have, and whether it does. Nothing is fetched: a
//! schema stands in its document or does not exist.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

/// The contract of DLT's clients, as it was copied here.
pub const CONTRACT: &str = include_str!("../compat/openapi.yaml");

/// An OpenAPI document and the schemas compiled from it so far.
pub struct Document {
    /// What it is called in messages.
    pub name: &'static str,
    /// All of it.
    pub root: Value,
    /// Whether keys that a schema does not name are wrong.
    closed: bool,
    compiled: std::cell::RefCell<HashMap<String, Rc<Validator>>>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A place in a document: `paths./scenarios.get`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Path with `{names}`.
    pub template: String,
    /// Lower case.
    pub method: String,
}

impl Document {
    /// The contract of DLT's clients.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn contract() -> Self {
        let root = serde_saphyr::from_str(CONTRACT).expect("the contract is YAML");
        Self::new("the contract", root, false)
    }

    /// A document; `closed` says whether its schemas name every key there is.
    pub fn new(name: &'static str, root: Value, closed: bool) -> Self {
        Self {
            name,
            root,
            closed,
            compiled: Default::default(),
        }
    }

    /// The path template that a path fits, without prefix or query.
    pub fn template(&self, path: &str) -> Option<&str> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &&String| {
            let words: Vec<&str> = template.split('/').collect();
            let part_fits = |(word, part): (&&str, &&str)| word.starts_with('{') || word == part;
            words.len() == parts.len() && words.iter().zip(&parts).all(part_fits)
        };
        let paths = self.root["paths"].as_object()?;
        // A path that is written out goes before one with names in it.
        let mut found: Vec<&String> = paths.keys().filter(fits).collect();
        found.sort_by_key(|template| template.matches('{').count());
        found.first().map(|template| template.as_str())
    }

    /// Every operation.
    pub fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (template, item) in self.root["paths"].as_object().into_iter().flatten() {
            for method in ["get", "post", "put", "delete"] {
                if item.get(method).is_some() {
                    all.push(Operation {
                        template: template.clone(),
                        method: method.to_owned(),
                    });
                }
            }
        }
        all
    }

    /// The value behind a `$ref`, or the value itself.
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        match pointer {
            Some(pointer) => self.root.pointer(pointer).unwrap_or(&Value::Null),
            None => value,
        }
    }

    /// The JSON content (`schema`, `example`, `examples`) of an answer.
    pub fn answer(&self, operation: &Operation, status: u16) -> Option<&Value> {
        let item = &self.root["paths"][operation.template.as_str()];
        let responses = item.get(operation.method.as_str())?.get("responses")?;
        let response = self.resolved(responses.get(status.to_string())?);
        response["content"].get("application/json")
    }

    /// The JSON content of a request's body.
    pub fn request(&self, operation: &Operation) -> Option<&Value> {
        let item = &self.root["paths"][operation.template.as_str()];
        let body = item.get(operation.method.as_str())?.get("requestBody")?;
        body["content"].get("application/json")
    }

    /// What is wrong with a value, by a schema of this document; `answer` says
    /// whether we made it, so that keys nobody wrote down are wrong too.
    ///
    /// # Panics
    /// When the schema is none.
    pub fn faults(&self, schema: &Value, value: &Value, answer: bool) -> Vec<String> {
        let closed = self.closed && answer;
        let key = format!("{closed} {schema}");
        let known = self.compiled.borrow().get(&key).cloned();
        let validator = known.unwrap_or_else(|| {
            let made = Rc::new(self.compile(schema, closed));
            self.compiled.borrow_mut().insert(key, Rc::clone(&made));
            made
        });
        validator
            .iter_errors(value)
            .map(|error| {
                let said: String = error.to_string().chars().take(400).collect();
                format!("{}: {said}", error.instance_path())
            })
            .collect()
    }

    fn compile(&self, schema: &Value, closed: bool) -> Validator {
        let mut whole = match schema {
            Value::Bool(_) => json!({ "allOf": [schema] }),
            schema => schema.clone(),
        };
        whole["components"] = self.root["components"].clone();
        if closed {
            close(&mut whole);
        }
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("{}: no schema: {error}: {schema}", self.name))
    }
}

/// Says of every object whose keys are named that it has no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let named = object.get("properties").is_some_and(Value::is_object);
            if named && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
