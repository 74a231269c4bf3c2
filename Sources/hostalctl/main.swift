print("hostalctl")
