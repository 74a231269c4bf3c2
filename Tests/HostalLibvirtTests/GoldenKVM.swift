let goldenKVM = """
    """
