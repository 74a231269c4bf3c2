// stands in until the module's first file arrives
