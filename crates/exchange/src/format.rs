//! The kind of an uploaded file. The rule: its media type decides, never its content.

/// A kind of file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON value on each line.
    Ndjson,
}

impl Format {
    /// The media types that mean a format, for messages.
    pub const MEDIA_TYPES: &[&str] = &["text/csv", "application/x-ndjson", "application/ndjson", "application/jsonl"];

    /// Takes a `Content-Type`; parameters such as `charset` are ignored, since every file is UTF-8.
    #[must_use]
    pub fn of_media_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/csv" => Some(Self::Csv),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn a_media_type_means_its_format_and_others_mean_none() {
        for media_type in Format::MEDIA_TYPES {
            assert!(Format::of_media_type(media_type).is_some(), "{media_type}");
        }
        assert_eq!(Format::of_media_type("Text/CSV; charset=utf-8"), Some(Format::Csv));
        assert_eq!(Format::of_media_type("application/x-ndjson"), Some(Format::Ndjson));
        for other in ["", ";", "application/json", "text/plain", "multipart/form-data; boundary=x"] {
            assert_eq!(Format::of_media_type(other), None, "{other:?}");
        }
    }
}
