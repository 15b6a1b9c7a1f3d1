//! The OpenAPI document: the pieces that extractors and replies contribute, and the whole.
//! The rule: JSON Schema 2020-12 throughout, every model once under `components/schemas`, nothing that generators of
//! clients are known to stumble over.

use aide::OperationOutput;
use aide::generate::{GenContext, in_context, reset_context};
use aide::openapi::{
    Components, HeaderStyle, Info, MediaType, OpenApi, Operation, Parameter, ParameterData, ParameterSchemaOrContent,
    PathItem, PathStyle, Paths, ReferenceOr, Response, SchemaObject, SecurityScheme, StatusCode,
};
use aide::operation::add_parameters;
use aide::transform::TransformOpenApi;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::json_schema;
use serde_json::{Value, json};

use crate::problem::{FieldFault, Problem};
use crate::problem_type::ProblemType;

/// The Swagger UI for the document at `url`, as one page that loads nothing from other hosts.
#[must_use]
pub fn swagger_page(title: &str, url: &str) -> String {
    // On a public host the bundle would otherwise load a badge from a validator on another host.
    aide::swagger::Swagger::new(url).with_title(title).html().replacen(
        "\"layout\": \"BaseLayout\",",
        "\"validatorUrl\": null, \"layout\": \"BaseLayout\",",
        1,
    )
}

/// Begins a document on this thread: aide keeps its schemas in a thread-local.
pub(crate) fn begin() {
    reset_context();
    in_context(|ctx| {
        ctx.schema = SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into())
            .with_transform(kernel::list_choices)
            .into_generator();
    });
}

/// What may stand in `Authorization`.
const BEARER: &str = "An access token: of the staff from POST /auth/v1/login, of customers from POST \
    /store/v1/{organisation}/customers/login, of operators from POST /auth/v1/operators/login. Programs of an organisation \
    send its API key instead, cs_live_….";

/// Puts the document together and leaves the thread-local empty.
pub(crate) fn finish(
    title: &str,
    description: &str,
    version: &str,
    paths: Vec<(String, PathItem)>,
    problem_types: &[ProblemType],
) -> Value {
    let schemas = in_context(|ctx| ctx.schema.take_definitions(true));
    reset_context();
    let schemas = schemas
        .into_iter()
        .filter_map(|(name, schema)| {
            let json_schema = schema.try_into().ok()?;
            Some((name, SchemaObject { json_schema, external_docs: None, example: None }))
        })
        .collect();
    let bearer = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some("JWT".to_owned()),
        description: Some(BEARER.to_owned()),
        extensions: Default::default(),
    };
    let mut document = OpenApi {
        info: Info {
            title: title.to_owned(),
            description: Some(description.to_owned()),
            version: version.to_owned(),
            ..Info::default()
        },
        paths: Some(Paths {
            paths: paths.into_iter().map(|(path, item)| (path, ReferenceOr::Item(item))).collect(),
            ..Paths::default()
        }),
        components: Some(Components {
            schemas,
            security_schemes: [("bearer".to_owned(), ReferenceOr::Item(bearer))].into_iter().collect(),
            ..Components::default()
        }),
        ..OpenApi::default()
    };
    let _transformed = TransformOpenApi::new(&mut document).strip_null_from_query_params();
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    document["x-problems"] = problem_types
        .iter()
        .map(|kind| json!({"type": kind.uri(), "status": kind.status(), "title": kind.title()}))
        .collect();
    document
}

fn schema<T: JsonSchema>(ctx: &mut GenContext) -> SchemaObject {
    SchemaObject { json_schema: ctx.schema.subschema_for::<T>(), external_docs: None, example: None }
}

fn data<T: JsonSchema>(ctx: &mut GenContext, name: &str, description: &str, required: bool) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema::<T>(ctx)),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

/// Adds a header that is read as text.
pub(crate) fn add_header(
    ctx: &mut GenContext,
    operation: &mut Operation,
    name: &str,
    description: &str,
    required: bool,
) {
    let parameter_data = data::<String>(ctx, name, description, required);
    add_parameters(ctx, operation, [Parameter::Header { parameter_data, style: HeaderStyle::Simple }]);
}

pub(crate) fn path_parameter<T: JsonSchema>(ctx: &mut GenContext, name: &str, description: &str) -> Parameter {
    Parameter::Path { parameter_data: data::<T>(ctx, name, description, true), style: PathStyle::Simple }
}

/// A documented refusal of one type.
pub(crate) fn refusal(ctx: &mut GenContext, kind: ProblemType) -> (Option<StatusCode>, Response) {
    (Some(StatusCode::Code(kind.status())), documented(ctx, &described(kind)))
}

pub(crate) fn described(kind: ProblemType) -> String {
    format!("`{}`: {}.", kind.slug(), kind.title())
}

/// JSON of this type, as a body or as a reply.
pub(crate) fn media<T: JsonSchema>(ctx: &mut GenContext) -> MediaType {
    MediaType { schema: Some(schema::<T>(ctx)), ..MediaType::default() }
}

/// Bytes that are no JSON, such as a file. Generators of clients stumble over a media type without a schema.
pub(crate) fn file() -> MediaType {
    let json_schema = json_schema!({"type": "string", "format": "binary"});
    MediaType { schema: Some(SchemaObject { json_schema, external_docs: None, example: None }), ..MediaType::default() }
}

/// A documented JSON reply.
pub(crate) fn json_reply<T: JsonSchema>(ctx: &mut GenContext, description: &str, content_type: &str) -> Response {
    Response {
        description: description.to_owned(),
        content: [(content_type.to_owned(), media::<T>(ctx))].into_iter().collect(),
        ..Response::default()
    }
}

/// How a problem looks in the document.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
#[expect(dead_code, reason = "only its schema is used")]
struct ProblemDocument {
    /// `/problems/<kind>`; stable.
    r#type: String,
    /// What this kind of problem is.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: Option<String>,
    /// Every field that was refused.
    #[schemars(default)]
    errors: Vec<FieldFault>,
    /// Names this request in the logs.
    request_id: String,
    /// Names the trace that this request belongs to.
    trace_id: Option<String>,
}

/// The documented reply of one or more problem types.
pub(crate) fn documented(ctx: &mut GenContext, description: &str) -> Response {
    json_reply::<ProblemDocument>(ctx, description, "application/problem+json")
}

impl OperationOutput for Problem {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, _operation: &mut Operation) -> Option<Response> {
        Some(documented(ctx, "A problem (RFC 9457)."))
    }

    fn inferred_responses(ctx: &mut GenContext, _operation: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![(None, documented(ctx, "Any other problem (RFC 9457)."))]
    }
}
