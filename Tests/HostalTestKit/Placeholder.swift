// stands in
