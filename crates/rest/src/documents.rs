//! The OpenAPI document: the pieces that extractors and replies contribute, and the whole.
//! The rule: JSON Schema 2020-12 throughout, every model once under `components/schemas`.

use aide::generate::{GenContext, in_context, reset_context};
use aide::openapi::{
    Components, HeaderStyle, Info, MediaType, OpenApi, Parameter, ParameterData, ParameterSchemaOrContent, PathItem,
    PathStyle, Paths, ReferenceOr, Response, SchemaObject, SecurityScheme, StatusCode,
};
use aide::transform::TransformOpenApi;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::problem::documented;
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
            .into_generator();
    });
}

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
        description: Some("An access token from POST /auth/v1/login.".to_owned()),
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

fn data<T: JsonSchema>(ctx: &mut GenContext, name: &str, description: &str, required: bool) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(SchemaObject {
            json_schema: ctx.schema.subschema_for::<T>(),
            external_docs: None,
            example: None,
        }),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

pub(crate) fn header_parameter<T: JsonSchema>(
    ctx: &mut GenContext,
    name: &str,
    description: &str,
    required: bool,
) -> Parameter {
    Parameter::Header { parameter_data: data::<T>(ctx, name, description, required), style: HeaderStyle::Simple }
}

pub(crate) fn path_parameter<T: JsonSchema>(ctx: &mut GenContext, name: &str, description: &str) -> Parameter {
    Parameter::Path { parameter_data: data::<T>(ctx, name, description, true), style: PathStyle::Simple }
}

/// A documented refusal of one type.
pub(crate) fn refusal(ctx: &mut GenContext, kind: ProblemType) -> (Option<StatusCode>, Response) {
    (Some(StatusCode::Code(kind.status())), documented(ctx, described(kind)))
}

pub(crate) fn described(kind: ProblemType) -> String {
    format!("`{}`: {}.", kind.slug(), kind.title())
}

/// A documented JSON reply.
pub(crate) fn json_reply<T: JsonSchema>(ctx: &mut GenContext, description: &str, content_type: &str) -> Response {
    let json_schema = ctx.schema.subschema_for::<T>();
    let media = MediaType {
        schema: Some(SchemaObject { json_schema, external_docs: None, example: None }),
        ..MediaType::default()
    };
    Response {
        description: description.to_owned(),
        content: [(content_type.to_owned(), media)].into_iter().collect(),
        ..Response::default()
    }
}
