//! Payload templates (`Parameters`, `ItemSelector`, `ResultSelector`): JSON in
//! which a field named `x.$` is replaced by a field `x` holding what its path
//! finds.

use crate::workflow::jsonpath::Path;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A template, understood.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Template(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Constant(Value),
    Path(Path),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl TryFrom<Value> for Template {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Ok(Self(node(value)?))
    }
}

fn node(value: Value) -> Result<Node, String> {
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| match (key.strip_suffix(".$"), value) {
                (None, value) => Ok((key, node(value)?)),
                (Some(name), Value::String(path)) => {
                    let path = Path::parse(&path).map_err(|error| error.to_string())?;
                    Ok((name.to_owned(), Node::Path(path)))
                }
                (Some(_), _) => Err(format!("field {key:?} must hold a path as text")),
            })
            .collect::<Result<_, _>>()
            .map(Node::Object),
        Value::Array(list) => list
            .into_iter()
            .map(node)
            .collect::<Result<_, _>>()
            .map(Node::List),
        constant => Ok(Node::Constant(constant)),
    }
}

impl Template {
    /// The document it stands for, or which path found nothing.
    pub fn fill(&self, input: &Value, context: &Value) -> Result<Value, String> {
        fill(&self.0, input, context)
    }
}

fn fill(node: &Node, input: &Value, context: &Value) -> Result<Value, String> {
    Ok(match node {
        Node::Constant(value) => value.clone(),
        Node::Path(path) => path
            .get(input, context)
            .cloned()
            .ok_or_else(|| format!("path {path} finds nothing in the input"))?,
        Node::List(list) => list
            .iter()
            .map(|node| fill(node, input, context))
            .collect::<Result<_, _>>()?,
        Node::Object(fields) => {
            let mut object = Map::new();
            for (key, node) in fields {
                object.insert(key.clone(), fill(node, input, context)?);
            }
            Value::Object(object)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_filled_in_at_any_depth() {
        let template = Template::try_from(json!({
            "op": "workers",
            "region.$": "$$.Map.Item.Value.region",
            "deep": [{"run.$": "$.run"}, 3],
        }))
        .unwrap();
        let context = json!({"Map": {"Item": {"Value": {"region": "lo-home-1"}}}});
        assert_eq!(
            template.fill(&json!({"run": "r"}), &context).unwrap(),
            json!({"op": "workers", "region": "lo-home-1", "deep": [{"run": "r"}, 3]})
        );
        assert_eq!(
            template.fill(&json!({}), &context).unwrap_err(),
            "path $.run finds nothing in the input"
        );
        assert!(Template::try_from(json!({"a.$": "States.UUID()"})).is_err());
        assert!(Template::try_from(json!({"a.$": 3})).is_err());
    }
}
