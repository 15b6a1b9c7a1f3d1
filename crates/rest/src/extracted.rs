//! Extractors that need no more than the head of the request.
//! The rule: what they refuse is a problem.

/// Makes an extractor: what is read from the request, or the problem that refuses it.
macro_rules! extracted {
    ([$($generics:tt)*] $extracted:ty, |$request:ident| $read:expr) => {
        impl<$($generics)*> actix_web::FromRequest for $extracted {
            type Error = $crate::Problem;
            type Future = std::future::Ready<Result<Self, $crate::Problem>>;

            fn from_request($request: &actix_web::HttpRequest, _payload: &mut actix_web::dev::Payload) -> Self::Future {
                std::future::ready($read)
            }
        }
    };
}

pub(crate) use extracted;
